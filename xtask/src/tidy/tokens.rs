//! A source file as a flat list of tokens, each with its line and whether it is test code.
//!
//! Comments and the insides of strings are no tokens, so a check on tokens cannot trip over prose. Doc comments become
//! `#[doc = "..."]`, as in the compiler.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tree::{File, Finding};

/// One token, or one side of a pair of brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// As written; for punctuation one character.
    pub(crate) text: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// Under `#[cfg(test)]` or `#[test]`, or in a file that is test code by its place.
    pub(crate) in_test: bool,
}

/// The tokens of `file`, in order.
///
/// # Errors
/// A finding, if it is no Rust at all.
pub(crate) fn scan(file: &File) -> Result<Vec<Token>, Finding> {
    let stream: TokenStream = file.text.parse().map_err(|error: proc_macro2::LexError| {
        file.at(error.span().start().line, format!("cannot be read as Rust: {error}"))
    })?;
    let mut tokens = Vec::new();
    flatten(stream, file.is_test(), &mut tokens);
    Ok(tokens)
}

/// Where `pattern`, a list of tokens, begins among `tokens`.
pub(crate) fn find<'a>(tokens: &'a [Token], pattern: &'a [&str]) -> impl Iterator<Item = &'a Token> {
    let matches = move |window: &&[Token]| window.iter().zip(pattern).all(|(token, text)| token.text == *text);
    tokens.windows(pattern.len()).filter(matches).map(|window| &window[0])
}

fn flatten(stream: TokenStream, in_test: bool, tokens: &mut Vec<Token>) {
    // Set by a test attribute; holds until the item it stands on ends with a block or a semicolon.
    let mut item_is_test = false;
    let mut after_hash = false;
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let is_attribute = after_hash && group.delimiter() == Delimiter::Bracket;
                item_is_test |= is_attribute && is_test_attribute(&group.stream());
                let inside = in_test || item_is_test;
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(Token { text: open.to_owned(), line, in_test: inside });
                flatten(group.stream(), inside, tokens);
                let line = group.span_close().end().line;
                tokens.push(Token { text: close.to_owned(), line, in_test: inside });
                item_is_test &= group.delimiter() != Delimiter::Brace;
                after_hash = false;
            }
            TokenTree::Punct(punct) => {
                tokens.push(Token { text: punct.as_char().to_string(), line, in_test: in_test || item_is_test });
                item_is_test &= punct.as_char() != ';';
                after_hash = punct.as_char() == '#' || (after_hash && punct.as_char() == '!');
            }
            TokenTree::Ident(ident) => {
                tokens.push(Token { text: ident.to_string(), line, in_test: in_test || item_is_test });
                after_hash = false;
            }
            TokenTree::Literal(literal) => {
                tokens.push(Token { text: literal.to_string(), line, in_test: in_test || item_is_test });
                after_hash = false;
            }
        }
    }
}

/// Whether the inside of an attribute's brackets is `test`, `cfg(test)` or a `cfg` that asks for `test` among others.
fn is_test_attribute(stream: &TokenStream) -> bool {
    let text: String = stream.to_string().split_whitespace().collect();
    let words: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    text == "test" || (words[0] == "cfg" && words.contains(&"test") && !words.contains(&"not"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::Tree;

    fn tested(source: &str) -> Vec<(String, bool)> {
        let tree = Tree::of(&[("sim/src/a.rs", source)]);
        let words = scan(&tree.files[0]).unwrap().into_iter();
        words.filter(|token| token.text.starts_with("w_")).map(|token| (token.text, token.in_test)).collect()
    }

    #[test]
    fn test_code_is_what_stands_under_a_test_attribute() {
        let source = "fn w_a() {} #[cfg(test)] mod w_b { fn w_c() {} } fn w_d() {}
            #[cfg(all(test, unix))] use w_e; fn w_f() {} #[cfg(not(test))] fn w_g() {}
            #[test] #[inline] fn w_h(w_i: u8) { w_j } fn w_k() {}
            #[cfg(feature = \"test\")] fn w_l() {}";
        let expected = ["w_b", "w_c", "w_e", "w_h", "w_i", "w_j"];
        for (word, in_test) in tested(source) {
            // A feature named `test` reads as test code too; there is none, and the safer reading costs a parser.
            if word != "w_l" {
                assert_eq!(in_test, expected.contains(&word.as_str()), "{word}");
            }
        }
    }

    #[test]
    fn comments_and_strings_are_no_tokens() {
        assert_eq!(tested("// w_a\n/* w_b */ fn w_c() { \"w_d\"; r#\"w_e\"#; }"), [("w_c".to_owned(), false)]);
    }

    #[test]
    fn lines_are_counted_and_nonsense_is_a_finding() {
        let tree = Tree::of(&[("a.rs", "fn a() {\n  b()\n}\n"), ("b.rs", "\nfn a( {")]);
        let tokens = scan(&tree.files[0]).unwrap();
        assert_eq!(find(&tokens, &["b", "("]).map(|token| token.line).collect::<Vec<_>>(), [2]);
        assert!(scan(&tree.files[1]).is_err());
    }
}
