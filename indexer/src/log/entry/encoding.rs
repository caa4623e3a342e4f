//! Entries as bytes: one value per block, compressed. A wire format of the disk: golden bytes in the tests.
//!
//! ```text
//! form(1)  body          form 2: body as it is, 3: length of the body (varint) and the body in LZ4
//! body     retraction(1) [committed_at] number hash(32) parent(32) timestamp
//!          n × transaction hash(32)
//!          n × contract(20)
//!          n × word                           topics and accounts, each once
//!          n × (contract, account word, amount)   opening balances
//!          n × event: log index (from the last), transaction (from the last, signed), contract,
//!                     topics: count and words, data: length × 2 + 1 if in words, words or bytes
//! ```
//!
//! Numbers are LEB128; a word is a byte that says how it was cut, then what is left of it: an address takes 21
//! bytes, an amount in whole steps of 0.001 credits (X-19) its count of steps.

use alloy::primitives::{Address, B256, Bytes, U256};
use wia_abi::BlockNumber;

use super::{Block, Change, Entry, EventRecord, Offset};
use crate::map::Map;

/// Bodies as they are.
const PLAIN: u8 = 2;
/// Bodies in LZ4.
const LZ4: u8 = 3;

/// Below this a body is not worth compressing, in bytes.
const MIN_COMPRESSED_BYTES: usize = 256;

/// The longest body that is read back: far above any block's, and a bound for damaged lengths.
const MAX_BODY_BYTES: usize = 1 << 30;

/// How a word was cut: so many of its lower bytes are left, …
const LOW: u8 = 0;
/// … it is so many bytes of whole steps, …
const STEPS: u8 = 64;
/// … or so many of its upper bytes are left.
const HIGH: u8 = 128;

/// One step: 0.001 of a token of 18 decimals.
const STEP: u128 = 1_000_000_000_000_000;

impl Entry {
    /// The bytes of the log.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let plain = Writer::of(&self.block).entry(self);
        let body = &plain[1..];
        if body.len() >= MIN_COMPRESSED_BYTES {
            let packed = lz4_flex::compress(body);
            if packed.len() + packed.len() / 16 < body.len() {
                let mut out = Vec::with_capacity(packed.len() + 6);
                out.push(LZ4);
                varint(&mut out, body.len() as u64);
                out.extend(packed);
                return out;
            }
        }
        plain
    }

    /// The entry of those bytes.
    pub(crate) fn decode(offset: Offset, bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            Some((&PLAIN, body)) => Reader(body).entry(offset),
            Some((&LZ4, rest)) => {
                let mut rest = Reader(rest);
                let length = rest.count(MAX_BODY_BYTES)?;
                let body = lz4_flex::decompress(rest.0, length).map_err(|e| e.to_string())?;
                Reader(&body).entry(offset)
            }
            other => Err(format!("unknown entry format {:?}", other.map(|(form, _)| form))),
        }
    }
}

/// Unsigned LEB128.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number at the beginning of `bytes`, which goes on behind it; `None` when there is no whole one.
pub(crate) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Words and contracts in the order in which they first came.
struct Dictionary<T> {
    order: Vec<T>,
    places: Map<T, u64>,
}

impl<T: Copy + Eq + std::hash::Hash> Dictionary<T> {
    fn with_capacity(items: usize) -> Self {
        let places = Map::with_capacity_and_hasher(items, Default::default());
        Self { order: Vec::with_capacity(items), places }
    }

    fn place(&mut self, item: T) -> u64 {
        *self.places.entry(item).or_insert_with(|| {
            self.order.push(item);
            self.order.len() as u64 - 1
        })
    }
}

struct Writer {
    contracts: Dictionary<Address>,
    words: Dictionary<B256>,
}

impl Writer {
    /// With room for what transfers take; what takes more grows.
    fn of(block: &Block) -> Self {
        Self {
            contracts: Dictionary::with_capacity(1),
            words: Dictionary::with_capacity(block.opening.len() + block.events.len() + 1),
        }
    }

    /// The form, which is [`PLAIN`], and the body.
    fn entry(mut self, entry: &Entry) -> Vec<u8> {
        let block = &entry.block;
        // The tables come first on disk and are known last.
        let mut opening = Vec::with_capacity(8 + 12 * block.opening.len());
        let mut events = Vec::with_capacity(8 + 24 * block.events.len());
        varint(&mut opening, block.opening.len() as u64);
        for ((contract, account), balance) in &block.opening {
            varint(&mut opening, self.contracts.place(*contract));
            varint(&mut opening, self.words.place(account.into_word()));
            word(&mut opening, &B256::from(*balance));
        }
        varint(&mut events, block.events.len() as u64);
        let (mut log_index, mut transaction) = (0_u64, 0_i64);
        for event in &block.events {
            varint(&mut events, event.log_index.wrapping_sub(log_index));
            log_index = event.log_index;
            let at = i64::from(event.transaction);
            varint(&mut events, zigzag(at - transaction));
            transaction = at;
            varint(&mut events, self.contracts.place(event.contract));
            varint(&mut events, event.topics.len() as u64);
            for topic in &event.topics {
                varint(&mut events, self.words.place(*topic));
            }
            data(&mut events, &event.data);
        }
        let words: usize = self.words.order.len() * 33;
        let tables = 128 + 32 * block.transactions.len() + 20 * self.contracts.order.len() + words;
        let mut out = Vec::with_capacity(tables + opening.len() + events.len());
        out.push(PLAIN);
        out.push(u8::from(entry.is_retraction()));
        if let Change::Retracted { committed_at } = entry.change {
            varint(&mut out, committed_at.0);
        }
        varint(&mut out, block.number.0);
        out.extend(block.hash);
        out.extend(block.parent_hash);
        varint(&mut out, block.timestamp_s);
        varint(&mut out, block.transactions.len() as u64);
        block.transactions.iter().for_each(|t| out.extend(t));
        varint(&mut out, self.contracts.order.len() as u64);
        self.contracts.order.iter().for_each(|c| out.extend(c));
        varint(&mut out, self.words.order.len() as u64);
        self.words.order.iter().for_each(|w| word(&mut out, w));
        out.extend(opening);
        out.extend(events);
        out
    }
}

fn zigzag(value: i64) -> u64 {
    (value.wrapping_shl(1) ^ (value >> 63)) as u64
}

fn data(out: &mut Vec<u8>, bytes: &[u8]) {
    let in_words = bytes.len().is_multiple_of(32);
    varint(out, bytes.len() as u64 * 2 + u64::from(in_words));
    if in_words {
        bytes.chunks_exact(32).for_each(|w| word(out, &B256::from_slice(w)));
    } else {
        out.extend(bytes);
    }
}

fn word(out: &mut Vec<u8>, word: &B256) {
    let low = &word[word.iter().take_while(|b| **b == 0).count()..];
    if low.len() <= 16 && low.len() > 6 {
        let mut wide = [0; 16];
        wide[16 - low.len()..].copy_from_slice(low);
        let value = u128::from_be_bytes(wide);
        if value.is_multiple_of(STEP) {
            let steps = (value / STEP).to_be_bytes();
            let steps = &steps[steps.iter().take_while(|b| **b == 0).count()..];
            out.push(STEPS + steps.len() as u8);
            return out.extend(steps);
        }
    }
    let high = &word[..32 - word.iter().rev().take_while(|b| **b == 0).count()];
    let (tag, kept) = if high.len() < low.len() { (HIGH, high) } else { (LOW, low) };
    out.push(tag + kept.len() as u8);
    out.extend(kept);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn entry(mut self, offset: Offset) -> Result<Entry, String> {
        let change = match self.byte()? {
            0 => Change::Committed,
            1 => Change::Retracted { committed_at: Offset(self.varint()?) },
            other => return Err(format!("no change is called {other}")),
        };
        let number = BlockNumber(self.varint()?);
        let hash = self.hash()?;
        let parent_hash = self.hash()?;
        let timestamp_s = self.varint()?;
        let transactions = self.many(32, Self::hash)?;
        let contracts = self.many(20, |r| Ok(Address::from_slice(r.bytes(20)?)))?;
        let words = self.many(1, Self::word)?;
        let opening = self.many(3, |r| {
            let contract = *r.pick(&contracts)?;
            let account = Address::from_word(*r.pick(&words)?);
            Ok(((contract, account), U256::from_be_bytes(r.word()?.0)))
        })?;
        let (mut log_index, mut transaction) = (0_u64, 0_i64);
        let events = self.many(5, |r| {
            log_index = log_index.wrapping_add(r.varint()?);
            let step = r.varint()?;
            transaction += (step >> 1) as i64 ^ -((step & 1) as i64);
            Ok(EventRecord {
                log_index,
                transaction: u32::try_from(transaction).map_err(|e| e.to_string())?,
                contract: *r.pick(&contracts)?,
                topics: r.many(1, |r| r.pick(&words).copied())?,
                data: r.data()?,
            })
        })?;
        if !self.0.is_empty() {
            return Err(format!("{} bytes too many", self.0.len()));
        }
        let block = Block { number, hash, parent_hash, timestamp_s, transactions, events, opening };
        Ok(Entry { offset, change, block })
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or("ends early")?;
        self.0 = rest;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.bytes(1)?[0])
    }

    fn hash(&mut self) -> Result<B256, String> {
        Ok(B256::from_slice(self.bytes(32)?))
    }

    fn varint(&mut self) -> Result<u64, String> {
        read_varint(&mut self.0).ok_or_else(|| "a number without end".into())
    }

    fn count(&mut self, most: usize) -> Result<usize, String> {
        let count = usize::try_from(self.varint()?).map_err(|e| e.to_string())?;
        if count > most { Err(format!("{count} is more than the {most} that may be")) } else { Ok(count) }
    }

    /// A counted list whose items take at least `least` bytes each: no count can make us take more memory than
    /// there are bytes.
    fn many<T>(
        &mut self,
        least: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let count = self.count(self.0.len() / least)?;
        (0..count).map(|_| item(self)).collect()
    }

    fn pick<'t, T>(&mut self, table: &'t [T]) -> Result<&'t T, String> {
        let place = self.varint()?;
        usize::try_from(place).ok().and_then(|p| table.get(p)).ok_or_else(|| format!("no place {place}"))
    }

    fn word(&mut self) -> Result<B256, String> {
        let (tag, mut word) = (self.byte()?, B256::ZERO);
        let (kind, length) = (tag & 0xc0, usize::from(tag & 0x3f));
        if length > 32 {
            return Err(format!("no word is cut like {tag}"));
        }
        let kept = self.bytes(length)?;
        match kind {
            LOW => word[32 - length..].copy_from_slice(kept),
            HIGH => word[..length].copy_from_slice(kept),
            STEPS if length <= 16 => {
                let mut wide = [0; 16];
                wide[16 - length..].copy_from_slice(kept);
                let value = u128::from_be_bytes(wide).checked_mul(STEP).ok_or("too many steps")?;
                word[16..].copy_from_slice(&value.to_be_bytes());
            }
            _ => return Err(format!("no word is cut like {tag}")),
        }
        Ok(word)
    }

    fn data(&mut self) -> Result<Bytes, String> {
        let tag = self.varint()?;
        let length = usize::try_from(tag / 2).map_err(|e| e.to_string())?;
        if tag & 1 == 0 {
            return Ok(Bytes::copy_from_slice(self.bytes(length)?));
        }
        if length / 32 > self.0.len() {
            return Err("ends early".into());
        }
        let mut data = Vec::with_capacity(length);
        for _ in 0..length / 32 {
            data.extend(self.word()?);
        }
        Ok(data.into())
    }
}
