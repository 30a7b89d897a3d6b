//! Descent.
