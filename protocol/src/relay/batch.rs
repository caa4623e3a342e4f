//! `relay.submitBatch`: many submissions in one request, each answered for itself.
//!
//! In: the params. Out: element by element a submission or the refusal that is its answer, so that one that is
//! malformed costs the others nothing; or one refusal, when the request as a whole cannot be read. The answer,
//! [`BatchResult`], has as many elements in the same order.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::Fields;
use super::{Submission, Submitted};
use crate::RpcError;

/// The most submissions in one request.
pub const MAX_MESSAGES: usize = 1_000;

/// The largest request with many submissions, in bytes: [`MAX_MESSAGES`] transfers have about 600 KB. Over libp2p a
/// request has at most [`super::MAX_MESSAGE_BYTES`] all the same.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// `relay.submitBatch`'s params: `{messages: […]}`, each of them `relay.submit`'s params.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// In the order of the request: a submission, or why that element is none.
    pub messages: Vec<Result<Submission, RpcError>>,
}

impl Batch {
    /// Reads `{messages: […]}` and nothing else.
    ///
    /// # Errors
    /// -32602 naming `messages` when it is missing, no array, empty or longer than [`MAX_MESSAGES`], or the member
    /// that does not belong here.
    pub fn parse(params: &Value) -> Result<Self, RpcError> {
        let mut fields = Fields::of("params", params)?;
        let elements = fields.value("messages")?.as_array();
        let elements = elements
            .ok_or_else(|| RpcError::invalid("messages", "must be an array of what relay.submit takes"))?;
        fields.nothing_else()?;
        match elements.len() {
            0 => Err(RpcError::invalid("messages", "Array cannot be empty")),
            n if n > MAX_MESSAGES => {
                let reason = format!("holds {n} messages; the most is {MAX_MESSAGES}; send several requests");
                Err(RpcError::invalid("messages", reason))
            }
            _ => Ok(Self { messages: elements.iter().map(Submission::parse).collect() }),
        }
    }
}

/// `relay.submitBatch`'s result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchResult {
    /// As many as there were messages, in their order.
    pub results: Vec<Answer>,
}

/// What one message of a batch is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// As `relay.submit` answers.
    Taken(Submitted),
    /// `{error: {code, message, data}}`, as `relay.submit` refuses.
    Refused {
        /// Code, field and reason.
        error: RpcError,
    },
}

impl From<Result<Submitted, RpcError>> for Answer {
    fn from(outcome: Result<Submitted, RpcError>) -> Self {
        outcome.map_or_else(|error| Self::Refused { error }, Self::Taken)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::relay::tests::params;

    fn refused(params: &Value) -> String {
        let error = Batch::parse(params).unwrap_err();
        assert_eq!(error.code, -32602);
        error.data.unwrap()["field"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_malformed_element_is_answered_for_itself_alone() {
        let mut bad = params();
        bad["message"]["value"] = json!(1.5);
        let batch = Batch::parse(&json!({"messages": [params(), bad, 7, params()]})).unwrap();
        let right = Submission::parse(&params()).unwrap();
        let field = |at: usize| batch.messages[at].clone().unwrap_err().data.unwrap()["field"].clone();
        assert_eq!(batch.messages.len(), 4);
        assert_eq!((&batch.messages[0], &batch.messages[3]), (&Ok(right.clone()), &Ok(right)));
        assert_eq!((field(1), field(2)), (json!("value"), json!("params")));
    }

    #[test]
    fn what_is_no_batch_is_refused_as_a_whole_and_names_the_member() {
        for (wrong, field) in [
            (json!([params()]), "params"),
            (json!({}), "messages"),
            (json!({"messages": params()}), "messages"),
            (json!({"messages": []}), "messages"),
            (json!({"messages": vec![json!({}); MAX_MESSAGES + 1]}), "messages"),
            (json!({"messages": [params()], "atomic": true}), "atomic"),
        ] {
            assert_eq!(refused(&wrong), field, "{wrong:.80}");
        }
        let most = Batch::parse(&json!({"messages": vec![json!({}); MAX_MESSAGES]})).unwrap();
        assert_eq!(most.messages.len(), MAX_MESSAGES);
    }

    #[test]
    fn the_largest_number_of_transfers_fits_the_largest_request() {
        let text = json!({"messages": vec![params(); MAX_MESSAGES]}).to_string();
        assert!(text.len() < MAX_BATCH_BYTES * 2 / 3, "{}", text.len());
    }

    #[test]
    fn an_answer_is_a_result_or_an_error() {
        let error = RpcError::invalid("nonce", "is used");
        let result = BatchResult { results: vec![Answer::from(Err(error.clone()))] };
        let value = serde_json::to_value(&result).unwrap();
        assert_eq!(value["results"][0]["error"]["data"]["field"], "nonce");
        assert_eq!(serde_json::from_value::<BatchResult>(value).unwrap(), result);
    }
}
