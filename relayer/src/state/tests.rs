//! Every pair of state and event, legal or not.

use wia_protocol::relay::State::{
    self, Accepted, Claimed, Expired, Final, Mined, Rejected, Reorged, Skipped, Submitted,
};

use super::Event::{Accept, Claim, Expire, Fail, Finalize, Mine, Reject, Release, Reorg, Skip, Submit};
use super::*;

const STATES: [State; 9] = [Accepted, Claimed, Submitted, Mined, Final, Skipped, Expired, Rejected, Reorged];
const EVENTS: [Event; 11] =
    [Accept, Claim, Submit, Mine, Finalize, Skip, Expire, Reject, Reorg, Release, Fail];

/// Everything that is legal; all else must be refused.
const LEGAL: [(State, Event, State); 19] = [
    (Accepted, Claim, Claimed),
    (Accepted, Expire, Expired),
    (Accepted, Reject, Rejected),
    (Claimed, Submit, Submitted),
    (Claimed, Release, Accepted),
    (Claimed, Fail, Accepted),
    (Submitted, Submit, Submitted),
    (Submitted, Mine, Mined),
    (Submitted, Skip, Skipped),
    (Submitted, Release, Accepted),
    (Submitted, Fail, Accepted),
    (Mined, Finalize, Final),
    (Mined, Reorg, Reorged),
    (Final, Reorg, Reorged),
    (Skipped, Reorg, Reorged),
    (Skipped, Accept, Accepted),
    (Expired, Accept, Accepted),
    (Rejected, Accept, Accepted),
    (Reorged, Submit, Submitted),
];

#[test]
fn every_pair_is_as_the_table_says() {
    for state in STATES {
        for event in EVENTS {
            let expected = LEGAL.iter().find(|(s, e, _)| (*s, *e) == (state, event)).map(|(.., to)| *to);
            assert_eq!(transition(state, event).ok(), expected, "{state:?} + {event:?}");
        }
    }
}

#[test]
fn a_refusal_names_state_and_event() {
    let error = transition(Final, Expire).unwrap_err();
    assert_eq!(error.to_string(), "Expire is not possible in state Final");
}

#[test]
fn a_message_holds_its_nonce_until_it_is_final_or_has_failed() {
    let live: Vec<State> = STATES.into_iter().filter(|s| is_live(*s)).collect();
    assert_eq!(live, [Accepted, Claimed, Submitted, Mined, Reorged]);
}
