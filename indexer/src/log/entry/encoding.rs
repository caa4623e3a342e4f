//! Entries as bytes: one value per block, compressed. A wire format of the disk: golden bytes in the tests.
//!
//! ```text
//! form(1)  body          form 4: body as it is, 5: length of the body (varint) and the body in LZ4
//! body     retraction(1) [committed_at] number hash(32) parent(32) timestamp
//!          n × transaction hash(32)
//!          n × contract(20)
//!          n words                            topics and accounts, each once, but for those of KNOWN, which come first
//!          n opening balances                 columns: contract, account (from the one behind the last, signed); amounts
//!          n events                           columns: log index, transaction (from the last, signed), contract, number
//!                                             of topics, first topic, second … of those that have it, data: length × 2
//!                                             + 1 if in words; then the words of all data, then all other data
//! column   1 and the number that all of it is, or 0 and each number
//! words    column of how each was cut, then what is left of each
//! ```
//!
//! Numbers are LEB128. A word is cut to an address's 20 bytes, an amount in whole steps of 0.001 credits (X-19) to its
//! count of steps. What is the same for all events of a block, as with transfers most is, takes two bytes.

use alloy::primitives::{Address, B256, Bytes, U256};
use wia_abi::BlockNumber;

use super::{Account, Block, Change, Entry, EventRecord, MAX_TOPICS, Offset, TRANSFER};
use crate::map::Map;

/// Bodies as they are.
const PLAIN: u8 = 4;
/// Bodies in LZ4.
const LZ4: u8 = 5;

/// Below this what a body has besides hashes is not worth compressing, in bytes.
const MIN_COMPRESSED_BYTES: usize = 256;

/// All numbers of a column are one, …
const SAME: u8 = 1;
/// … or not.
const EACH: u8 = 0;

/// The longest body that is read back: far above any block's, and a bound for damaged lengths.
const MAX_BODY_BYTES: usize = 1 << 30;

/// The most events, balances, or words of data that are read back: above what an endpoint's answer may hold, and a
/// bound for damaged counts, because what is the same for all takes no bytes for each.
const MAX_ITEMS: usize = 1 << 22;

/// Words that entries name without having them.
const KNOWN: [B256; 1] = [TRANSFER];

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
        let (plain, hashes) = Writer::of(&self.block).entry(self);
        let body = &plain[1..];
        // Of hashes and addresses nothing can be saved.
        if body.len() - hashes >= MIN_COMPRESSED_BYTES.max(hashes / 4) {
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
    /// With these in it, and room for so many.
    fn of(known: &[T], items: usize) -> Self {
        let places = Map::with_capacity_and_hasher(items, Default::default());
        let mut dictionary = Self { order: Vec::with_capacity(items), places };
        known.iter().for_each(|item| _ = dictionary.place(*item));
        dictionary
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
            contracts: Dictionary::of(&[], 1),
            words: Dictionary::of(&KNOWN, block.opening.len() + block.events.len() + KNOWN.len()),
        }
    }

    /// The form, which is [`PLAIN`], and the body; and how many bytes of it are hashes and addresses.
    fn entry(mut self, entry: &Entry) -> (Vec<u8>, usize) {
        let block = &entry.block;
        // The tables come first on disk and are known last.
        let opening = self.opening(block);
        let events = self.events(block);
        let hashes = 64 + 32 * block.transactions.len() + 20 * self.contracts.order.len();
        let words = &self.words.order[KNOWN.len()..];
        let mut out = Vec::with_capacity(64 + hashes + 33 * words.len() + opening.len() + events.len());
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
        varint(&mut out, words.len() as u64);
        let before = out.len();
        cut(&mut out, words.iter().copied());
        let hashes = hashes + out.len() - before;
        out.extend(opening);
        out.extend(events);
        (out, hashes)
    }

    fn opening(&mut self, block: &Block) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + 8 * block.opening.len());
        varint(&mut out, block.opening.len() as u64);
        column(&mut out, block.opening.iter().map(|((contract, _), _)| self.contracts.place(*contract)));
        let mut next = KNOWN.len() as u64;
        column(
            &mut out,
            block.opening.iter().map(|((_, account), _)| {
                let place = self.words.place(account.into_word());
                let step = zigzag(place.wrapping_sub(next) as i64);
                next = place + 1;
                step
            }),
        );
        cut(&mut out, block.opening.iter().map(|(_, amount)| B256::from(*amount)));
        out
    }

    fn events(&mut self, block: &Block) -> Vec<u8> {
        let events = &block.events;
        let mut out = Vec::with_capacity(32 + 16 * events.len());
        varint(&mut out, events.len() as u64);
        let (mut log_index, mut transaction) = (u64::MAX, -1);
        column(
            &mut out,
            events.iter().map(|event| {
                let step = event.log_index.wrapping_sub(log_index);
                log_index = event.log_index;
                step
            }),
        );
        column(
            &mut out,
            events.iter().map(|event| {
                let at = i64::from(event.transaction);
                let step = zigzag(at - transaction);
                transaction = at;
                step
            }),
        );
        column(&mut out, events.iter().map(|event| self.contracts.place(event.contract)));
        column(&mut out, events.iter().map(|event| event.topics.len() as u64));
        for nth in 0..events.iter().map(|event| event.topics.len()).max().unwrap_or(0) {
            column(&mut out, events.iter().filter_map(|e| e.topics.get(nth)).map(|t| self.words.place(*t)));
        }
        column(&mut out, events.iter().map(|event| data_tag(&event.data)));
        let (in_words, others): (Vec<_>, Vec<_>) =
            events.iter().map(|event| &event.data).partition(|data| data.len().is_multiple_of(32));
        cut(&mut out, in_words.iter().flat_map(|data| data.chunks_exact(32)).map(B256::from_slice));
        others.iter().for_each(|data| out.extend(&data[..]));
        out
    }
}

/// All the same, or each.
fn column(out: &mut Vec<u8>, values: impl Iterator<Item = u64>) {
    let mut values = values.peekable();
    let Some(first) = values.peek().copied() else { return };
    let begin = out.len();
    out.push(SAME);
    varint(out, first);
    let mut same = 0_usize;
    while values.next_if_eq(&first).is_some() {
        same += 1;
    }
    if values.peek().is_some() {
        out.truncate(begin);
        out.push(EACH);
        (0..same).for_each(|_| varint(out, first));
        values.for_each(|value| varint(out, value));
    }
}

fn zigzag(value: i64) -> u64 {
    (value.wrapping_shl(1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn data_tag(bytes: &[u8]) -> u64 {
    bytes.len() as u64 * 2 + u64::from(bytes.len().is_multiple_of(32))
}

/// How each was cut, then what is left of each.
fn cut(out: &mut Vec<u8>, words: impl Iterator<Item = B256>) {
    let mut rest = Vec::new();
    let tags: Vec<u64> = words.map(|w| u64::from(word(&mut rest, &w))).collect();
    column(out, tags.into_iter());
    out.extend(rest);
}

/// Writes what is left of a word; says how it was cut.
fn word(out: &mut Vec<u8>, word: &B256) -> u8 {
    let low = &word[word.iter().take_while(|b| **b == 0).count()..];
    if low.len() <= 16 && low.len() > 6 {
        let mut wide = [0; 16];
        wide[16 - low.len()..].copy_from_slice(low);
        let value = u128::from_be_bytes(wide);
        if value.is_multiple_of(STEP) {
            let steps = (value / STEP).to_be_bytes();
            let steps = &steps[steps.iter().take_while(|b| **b == 0).count()..];
            out.extend(steps);
            return STEPS + steps.len() as u8;
        }
    }
    let high = &word[..32 - word.iter().rev().take_while(|b| **b == 0).count()];
    let (tag, kept) = if high.len() < low.len() { (HIGH, high) } else { (LOW, low) };
    out.extend(kept);
    tag + kept.len() as u8
}

/// A column that was read.
enum Column {
    Same(u64),
    Each(std::vec::IntoIter<u64>),
}

impl Column {
    /// The next number.
    fn next(&mut self) -> u64 {
        match self {
            Self::Same(value) => *value,
            // It was read with as many numbers as are asked for.
            Self::Each(values) => values.next().unwrap_or_default(),
        }
    }
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
        // Each its own, so that all but one of them have bytes.
        let count = self.count(self.0.len() + 1)?;
        let mut words = KNOWN.to_vec();
        words.extend(self.words(count)?);
        let opening = self.opening(&contracts, &words)?;
        let events = self.events(&contracts, &words)?;
        if !self.0.is_empty() {
            return Err(format!("{} bytes too many", self.0.len()));
        }
        let block = Block { number, hash, parent_hash, timestamp_s, transactions, events, opening };
        Ok(Entry { offset, change, block })
    }

    fn opening(&mut self, contracts: &[Address], words: &[B256]) -> Result<Vec<(Account, U256)>, String> {
        let count = self.count(MAX_ITEMS)?;
        let (mut of, mut steps) = (self.column(count)?, self.column(count)?);
        let mut next = KNOWN.len() as u64;
        let amount = |amount: B256| {
            let place = next.wrapping_add(unzigzag(steps.next()) as u64);
            next = place.wrapping_add(1);
            let account = Address::from_word(*pick(words, place)?);
            Ok(((*pick(contracts, of.next())?, account), U256::from_be_bytes(amount.0)))
        };
        self.words(count)?.into_iter().map(amount).collect()
    }

    fn events(&mut self, contracts: &[Address], words: &[B256]) -> Result<Vec<EventRecord>, String> {
        let count = self.count(MAX_ITEMS)?;
        let (mut log_index, mut transaction) = (u64::MAX, -1_i64);
        let (mut log_indexes, mut transactions) = (self.column(count)?, self.column(count)?);
        let mut of = self.column(count)?;
        let mut topics = self.column(count)?;
        let mut most_topics = 0;
        let mut events = (0..count)
            .map(|_| {
                log_index = log_index.wrapping_add(log_indexes.next());
                transaction = transaction.wrapping_add(unzigzag(transactions.next()));
                let topics = usize::try_from(topics.next()).ok().filter(|n| *n <= MAX_TOPICS);
                let topics = topics.ok_or("too many topics")?;
                most_topics = most_topics.max(topics);
                Ok(EventRecord {
                    log_index,
                    transaction: u32::try_from(transaction).map_err(|e| e.to_string())?,
                    contract: *pick(contracts, of.next())?,
                    topics: vec![B256::ZERO; topics],
                    data: Bytes::new(),
                })
            })
            .collect::<Result<Vec<_>, String>>()?;
        for nth in 0..most_topics {
            let having = || events.iter().filter(|event| event.topics.len() > nth).count();
            let mut places = self.column(having())?;
            for topic in events.iter_mut().filter_map(|event| event.topics.get_mut(nth)) {
                *topic = *pick(words, places.next())?;
            }
        }
        self.data(&mut events)?;
        Ok(events)
    }

    fn data(&mut self, events: &mut [EventRecord]) -> Result<(), String> {
        let mut tags = self.column(events.len())?;
        let tags: Vec<u64> = events.iter().map(|_| tags.next()).collect();
        let length =
            |tag: u64| usize::try_from(tag / 2).ok().filter(|n| *n <= MAX_BODY_BYTES).ok_or("too long");
        let mut count = 0_usize;
        for tag in tags.iter().filter(|tag| *tag % 2 == 1) {
            count += length(*tag)? / 32;
            if count > MAX_ITEMS {
                return Err("too many words".into());
            }
        }
        let mut words = self.words(count)?.into_iter();
        for (event, tag) in events.iter_mut().zip(&tags).filter(|(_, tag)| *tag % 2 == 1) {
            let some = words.by_ref().take(length(*tag)? / 32);
            event.data = some.flat_map(|word| word.0).collect::<Vec<_>>().into();
        }
        for (event, tag) in events.iter_mut().zip(&tags).filter(|(_, tag)| *tag % 2 == 0) {
            event.data = Bytes::copy_from_slice(self.bytes(length(*tag)?)?);
        }
        Ok(())
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

    /// A counted list whose items take at least `least` bytes each: its count can make us take no more memory than
    /// there are bytes. Columns are bounded by [`MAX_ITEMS`] alone.
    fn many<T>(
        &mut self,
        least: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let count = self.count(self.0.len() / least)?;
        (0..count).map(|_| item(self)).collect()
    }

    fn column(&mut self, count: usize) -> Result<Column, String> {
        if count == 0 {
            return Ok(Column::Each(Vec::new().into_iter()));
        }
        match self.byte()? {
            SAME => Ok(Column::Same(self.varint()?)),
            EACH => {
                let values: Result<Vec<_>, _> = (0..count).map(|_| self.varint()).collect();
                Ok(Column::Each(values?.into_iter()))
            }
            other => Err(format!("no column is called {other}")),
        }
    }

    fn words(&mut self, count: usize) -> Result<Vec<B256>, String> {
        let mut tags = self.column(count)?;
        (0..count).map(|_| self.word(tags.next())).collect()
    }

    fn word(&mut self, tag: u64) -> Result<B256, String> {
        let (kind, length) = ((tag & 0xc0) as u8, (tag & 0x3f) as usize);
        if length > 32 || tag > 0xff {
            return Err(format!("no word is cut like {tag}"));
        }
        let (kept, mut word) = (self.bytes(length)?, B256::ZERO);
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
}

fn pick<T>(table: &[T], place: u64) -> Result<&T, String> {
    usize::try_from(place).ok().and_then(|p| table.get(p)).ok_or_else(|| format!("no place {place}"))
}
