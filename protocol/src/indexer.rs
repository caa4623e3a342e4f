//! The indexer's own stream and queries: what a reader asks for, before anybody knows whether it exists.
//!
//! In: JSON-RPC params or a query string. Out: a [`Subscribe`], or a refusal that names the field. The messages that
//! come back are made where the events are; their shape stands in `ARCHITECTURE.md`. Serves C-003, C-008, C-092, C-093.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use serde_json::{Map, Value};

use crate::RpcError;

/// The most items of one list of a filter.
pub const MAX_FILTER_ITEMS: usize = 256;

/// The most confirmations that can be waited for, blocks.
pub const MAX_CONFIRMATIONS: u64 = 128;

/// When an event is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinConfirmations {
    /// When its block has so many, its own included; 1 and 0: at once.
    Blocks(u64),
    /// When its block is final.
    Finalized,
}

/// Which events: any of each list, all of the lists; an empty list asks for nothing in particular.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterSpec {
    /// Deployment names or addresses.
    pub contracts: Vec<String>,
    /// Names, signatures or first topics.
    pub events: Vec<String>,
    /// Accounts that the event names.
    pub addresses: Vec<Address>,
    /// Topics at whatever place.
    pub topics: Vec<B256>,
    /// Arguments by name, each with its value as messages write it.
    pub arguments: BTreeMap<String, String>,
}

/// `indexer.subscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Which events.
    pub filter: FilterSpec,
    /// When they are told.
    pub min_confirmations: MinConfirmations,
    /// Whether to say of each event that was told when it becomes final.
    pub promotions: bool,
    /// Resume strictly after this message: the `cursor` or the `id` of the last one seen. Absent: from now on.
    pub cursor: Option<String>,
}

impl Subscribe {
    /// Reads `{filter?, minConfirmations?, promotions?, cursor?}`.
    ///
    /// # Errors
    /// -32602 naming the field, for an unknown member too.
    pub fn parse(params: &Value) -> Result<Self, RpcError> {
        let empty = Map::new();
        let members = match params {
            Value::Null => &empty,
            Value::Object(members) => members,
            _ => return Err(RpcError::invalid("params", "must be an object")),
        };
        known(members, &["filter", "minConfirmations", "promotions", "cursor"])?;
        let filter = match members.get("filter") {
            None | Some(Value::Null) => FilterSpec::default(),
            Some(Value::Object(filter)) => FilterSpec::parse(filter)?,
            Some(_) => return Err(RpcError::invalid("filter", "must be an object")),
        };
        let promotions = match members.get("promotions") {
            None | Some(Value::Null) => true,
            Some(Value::Bool(promotions)) => *promotions,
            Some(_) => return Err(RpcError::invalid("promotions", "must be true or false")),
        };
        let cursor = match members.get("cursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(cursor)) => Some(cursor.clone()),
            Some(_) => return Err(RpcError::invalid("cursor", "must be the cursor or the id of a message")),
        };
        let min_confirmations = match members.get("minConfirmations") {
            None | Some(Value::Null) => MinConfirmations::Blocks(1),
            Some(Value::String(text)) => MinConfirmations::parse(text)?,
            Some(Value::Number(number)) => MinConfirmations::parse(&number.to_string())?,
            Some(_) => return Err(RpcError::invalid("minConfirmations", MinConfirmations::WHAT)),
        };
        Ok(Self { filter, min_confirmations, promotions, cursor })
    }

    /// Reads the members of a query string: `contract`, `event`, `address`, `topic`, each any number of times and with
    /// commas between several, `argument=name:value`, `minConfirmations`, `promotions`, `cursor`. What is left over is
    /// given back.
    ///
    /// # Errors
    /// As [`Subscribe::parse`].
    pub fn from_query(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<(String, String)>), RpcError> {
        let mut filter = FilterSpec::default();
        let mut subscribe = Self {
            filter: FilterSpec::default(),
            min_confirmations: MinConfirmations::Blocks(1),
            promotions: true,
            cursor: None,
        };
        let mut rest = Vec::new();
        for (name, text) in pairs {
            let items = |field: &'static str| {
                let items: Vec<_> = text.split(',').map(str::trim).collect();
                // What is empty would ask for nothing in particular, which is everything.
                match items.iter().any(|item| item.is_empty()) {
                    true => Err(RpcError::invalid(field, "must not be empty; leave it out to ask for all")),
                    false => Ok(items),
                }
            };
            match name.as_str() {
                "contract" => filter.contracts.extend(items("contract")?.into_iter().map(str::to_owned)),
                // Signatures have commas of their own.
                "event" if text.contains('(') => filter.events.push(text.trim().to_owned()),
                "event" => filter.events.extend(items("event")?.into_iter().map(str::to_owned)),
                "address" => {
                    for item in items("address")? {
                        filter.addresses.push(address("address", item)?);
                    }
                }
                "topic" => {
                    for item in items("topic")? {
                        filter.topics.push(topic("topic", item)?);
                    }
                }
                "argument" => {
                    let (argument, value) = text
                        .split_once(':')
                        .ok_or_else(|| RpcError::invalid("argument", "must be name:value"))?;
                    filter.arguments.insert(argument.to_owned(), value.to_owned());
                }
                "minConfirmations" => subscribe.min_confirmations = MinConfirmations::parse(&text)?,
                "promotions" => {
                    subscribe.promotions =
                        text.parse().map_err(|_| RpcError::invalid("promotions", "must be true or false"))?;
                }
                "cursor" => subscribe.cursor = Some(text),
                _ => rest.push((name, text)),
            }
        }
        filter.check()?;
        subscribe.filter = filter;
        Ok((subscribe, rest))
    }
}

impl MinConfirmations {
    const WHAT: &'static str = "must be a number of blocks up to 128, or \"finalized\"";

    fn parse(text: &str) -> Result<Self, RpcError> {
        if text == "finalized" {
            return Ok(Self::Finalized);
        }
        let blocks = text.parse::<u64>().ok().filter(|blocks| *blocks <= MAX_CONFIRMATIONS);
        blocks.map(Self::Blocks).ok_or_else(|| RpcError::invalid("minConfirmations", Self::WHAT))
    }
}

impl FilterSpec {
    fn parse(members: &Map<String, Value>) -> Result<Self, RpcError> {
        known(members, &["contracts", "events", "addresses", "topics", "arguments"])?;
        let texts = |field: &'static str| -> Result<Vec<&str>, RpcError> {
            match members.get(field) {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::Array(items)) => items
                    .iter()
                    .map(|i| i.as_str().ok_or_else(|| RpcError::invalid(field, "must hold texts")))
                    .collect(),
                Some(_) => Err(RpcError::invalid(field, "must be an array")),
            }
        };
        let mut arguments = BTreeMap::new();
        match members.get("arguments") {
            None | Some(Value::Null) => {}
            Some(Value::Object(wanted)) => {
                for (name, value) in wanted {
                    let text = match value {
                        Value::String(text) => text.clone(),
                        Value::Bool(flag) => flag.to_string(),
                        _ => {
                            let reason = format!("`{name}` must be text; integers as decimal text");
                            return Err(RpcError::invalid("arguments", reason));
                        }
                    };
                    arguments.insert(name.clone(), text);
                }
            }
            Some(_) => return Err(RpcError::invalid("arguments", "must be an object of names and values")),
        }
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        let filter = Self {
            contracts: owned(texts("contracts")?),
            events: owned(texts("events")?),
            addresses: texts("addresses")?
                .into_iter()
                .map(|text| address("addresses", text))
                .collect::<Result<_, _>>()?,
            topics: texts("topics")?
                .into_iter()
                .map(|text| topic("topics", text))
                .collect::<Result<_, _>>()?,
            arguments,
        };
        filter.check()?;
        Ok(filter)
    }

    fn check(&self) -> Result<(), RpcError> {
        let lists = [
            ("contracts", self.contracts.len()),
            ("events", self.events.len()),
            ("addresses", self.addresses.len()),
            ("topics", self.topics.len()),
            ("arguments", self.arguments.len()),
        ];
        match lists.into_iter().find(|(_, count)| *count > MAX_FILTER_ITEMS) {
            None => Ok(()),
            Some((field, count)) => {
                let reason = format!("{count} items; the most is {MAX_FILTER_ITEMS}: subscribe twice");
                Err(RpcError::invalid(field, reason))
            }
        }
    }
}

fn address(field: &'static str, text: &str) -> Result<Address, RpcError> {
    text.parse().map_err(|_| RpcError::invalid(field, format!("`{}` is no address", short(text))))
}

fn topic(field: &'static str, text: &str) -> Result<B256, RpcError> {
    text.parse().map_err(|_| RpcError::invalid(field, format!("`{}` is not 32 bytes in hex", short(text))))
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

fn known(members: &Map<String, Value>, names: &[&str]) -> Result<(), RpcError> {
    match members.keys().find(|key| !names.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let reason = format!("`{}` is unknown here; there are: {}", short(key), names.join(", "));
            Err(RpcError::invalid("params", reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let who = Address::repeat_byte(1);
        let params = json!({
            "filter": {
                "contracts": ["CarbonCredit"],
                "events": ["Transfer(address,address,uint256)"],
                "addresses": [who],
                "arguments": {"value": "5"},
            },
            "minConfirmations": 3,
            "promotions": false,
            "cursor": "7.1",
        });
        let pairs = [
            ("contract", "CarbonCredit".to_owned()),
            ("event", "Transfer(address,address,uint256)".to_owned()),
            ("address", who.to_string()),
            ("argument", "value:5".to_owned()),
            ("minConfirmations", "3".to_owned()),
            ("promotions", "false".to_owned()),
            ("cursor", "7.1".to_owned()),
            ("limit", "9".to_owned()),
        ];
        let (query, rest) = Subscribe::from_query(pairs.map(|(k, v)| (k.to_owned(), v))).unwrap();
        assert_eq!(Subscribe::parse(&params).unwrap(), query);
        assert_eq!(rest, [("limit".to_owned(), "9".to_owned())]);
        let all = Subscribe::parse(&Value::Null).unwrap();
        assert_eq!((all.min_confirmations, all.promotions), (MinConfirmations::Blocks(1), true));
        let finalized = Subscribe::parse(&json!({"minConfirmations": "finalized"})).unwrap();
        assert_eq!(finalized.min_confirmations, MinConfirmations::Finalized);
    }

    #[test]
    fn empty_items_of_a_query_are_refused_rather_than_meaning_all() {
        for (name, text) in
            [("contract", ""), ("event", " "), ("address", ""), ("topic", ""), ("contract", "A,,B")]
        {
            let error = Subscribe::from_query([(name.to_owned(), text.to_owned())]).unwrap_err();
            assert_eq!(error.data.unwrap()["field"], name, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let many = vec!["x"; MAX_FILTER_ITEMS + 1];
        for (params, field) in [
            (json!([]), "params"),
            (json!({"filters": {}}), "params"),
            (json!({"filter": []}), "filter"),
            (json!({"filter": {"contract": []}}), "params"),
            (json!({"filter": {"contracts": "x"}}), "contracts"),
            (json!({"filter": {"contracts": many}}), "contracts"),
            (json!({"filter": {"addresses": ["0x12"]}}), "addresses"),
            (json!({"filter": {"topics": ["0x12"]}}), "topics"),
            (json!({"filter": {"arguments": {"value": 5}}}), "arguments"),
            (json!({"minConfirmations": 129}), "minConfirmations"),
            (json!({"minConfirmations": -1}), "minConfirmations"),
            (json!({"minConfirmations": "soon"}), "minConfirmations"),
            (json!({"promotions": 1}), "promotions"),
            (json!({"cursor": 7}), "cursor"),
        ] {
            let error = Subscribe::parse(&params).unwrap_err();
            assert_eq!((error.code, &error.data.unwrap()["field"]), (-32602, &json!(field)), "{params}");
        }
    }
}
