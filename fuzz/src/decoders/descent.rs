//! The questions by which two peers find what differs: asked by a stranger, and answered by one.

use tickworld_ledger::Ledger;
use tickworld_proto::limits::DESCENT_BYTES_MAX;
use tickworld_sim::diff::{
    WorldView,
    descent::{Request, Requester, Response, answer},
};

/// Rounds that a stranger may answer.
const ROUNDS: usize = 16;

/// See the module. The bytes are one request, and are cut into answers at every byte 255.
pub fn run(data: &[u8]) {
    let simulation = Ledger::open(300, 1_000);
    let view = WorldView::new(simulation.world(), simulation.schema());
    if let Ok(request) = Request::decode(data) {
        let mut out = Vec::new();
        request.encode(&mut out);
        assert!(out == data, "a request reads back to other bytes");
        let mut out = Vec::new();
        answer(&view, &request).encode(&mut out);
        assert!(out.len() <= DESCENT_BYTES_MAX as usize, "an answer of {} bytes", out.len());
    }
    let mut requester = Requester::new(&view, 4);
    for bytes in data.split(|byte| *byte == 255).take(ROUNDS) {
        if requester.poll_request().is_none() {
            break;
        }
        let Ok(response) = Response::decode(bytes) else { continue };
        if requester.handle_response(&response).is_err() {
            break;
        }
    }
    // Nothing that a stranger said needs to be true.
    _ = requester.into_report();
}
