//! Whose signature it is, judged as the contract judges it: ECDSA first, ERC-1271 only on a mismatch.
//!
//! In: digest, signer, signature. Out: what kind of signer it is, or the refusal. ECDSA runs on
//! [`Config::verifiers`](crate::Config::verifiers) threads of its own.

use std::io;
use std::sync::{Arc, Mutex};

use alloy::primitives::{Address, B256, Bytes, b256};
use alloy::sol;
use alloy::sol_types::SolCall;
use tokio::sync::{mpsc, oneshot};
use wia_abi::authorization::recover;
use wia_protocol::RpcError;

use crate::chain::{Call, Chain, ChainError};
use crate::shared::lock;

sol! {
    /// ERC-1271.
    function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
}

/// The largest signature, in bytes: several nested keys of a contract wallet. Each byte costs gas.
pub(crate) const MAX_SIGNATURE_BYTES: usize = 4_096;

/// The answer of a contract that accepts, as the first word that it returns.
const ACCEPTED: B256 = b256!("1626ba7e00000000000000000000000000000000000000000000000000000000");

/// Gas that our contracts give a contract wallet for its answer.
const ERC1271_GAS: u64 = 200_000;

/// The most signatures that one thread takes in hand at a time: the others find the rest.
const AT_A_TIME: usize = 16;

/// The most signatures that wait for a thread; beyond it, submissions wait for a place.
const WAITING: usize = 4_096;

/// Threads that recover signers. Taking several at a time, they are woken once for many under load.
pub struct Verifiers(mpsc::Sender<Job>);

/// One signature to recover.
struct Job {
    digest: B256,
    signature: Bytes,
    answer: oneshot::Sender<Option<Address>>,
}

impl Verifiers {
    /// Starts so many threads, at least one; they end with it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads.max(1) {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new().name("relay-verify".into()).spawn(move || serve(&waiting))?;
        }
        Ok(Self(jobs))
    }

    /// The address whose key made the signature, if it is ECDSA at all.
    ///
    /// # Errors
    /// When the thread that had it in hand has ended.
    pub async fn recover(&self, digest: B256, signature: Bytes) -> Result<Option<Address>, RpcError> {
        let (answer, recovered) = oneshot::channel();
        let lost = || {
            tracing::error!("a verification was lost");
            RpcError::internal()
        };
        self.0.send(Job { digest, signature, answer }).await.map_err(|_| lost())?;
        recovered.await.map_err(|_| lost())
    }
}

fn serve(waiting: &Mutex<mpsc::Receiver<Job>>) {
    let mut jobs = Vec::with_capacity(AT_A_TIME);
    loop {
        {
            // One thread waits for jobs, the others for the lock.
            let mut waiting = lock(waiting);
            let Some(first) = waiting.blocking_recv() else { return };
            jobs.push(first);
            while jobs.len() < AT_A_TIME
                && let Ok(next) = waiting.try_recv()
            {
                jobs.push(next);
            }
        }
        for Job { digest, signature, answer } in jobs.drain(..) {
            // Whoever hung up is not waited for.
            if !answer.is_closed() {
                let _ = answer.send(recover(digest, &signature));
            }
        }
    }
}

/// What a contract says about a signature in its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WalletAnswer {
    /// It accepts.
    Accepts,
    /// It does not.
    Refuses,
    /// There is no contract at that address.
    NoContract,
}

/// Asks the signer by ERC-1271 as the contract does: the same question with the same gas, and an answer
/// counts only when its first word is the magic value. The digest begins with the signer's own address as a
/// member of the message, so a signature for one wallet is none for another one of the same owner.
pub(crate) async fn ask_wallet(
    chain: &dyn Chain,
    signer: Address,
    digest: B256,
    signature: &Bytes,
) -> Result<WalletAnswer, ChainError> {
    if chain.code(signer).await?.is_empty() {
        return Ok(WalletAnswer::NoContract);
    }
    let input: Bytes =
        isValidSignatureCall { hash: digest, signature: signature.clone() }.abi_encode().into();
    // What the transaction around the question costs, at the floor price of calldata (EIP-7623).
    let around = 21_000 + 40 * u64::try_from(input.len()).unwrap_or(u64::MAX).min(1 << 20);
    let call = Call { to: signer, input, gas: Some(ERC1271_GAS + around), ..Call::default() };
    match chain.call(call, None).await {
        Ok(answer) if answer.get(..32) == Some(ACCEPTED.as_slice()) => Ok(WalletAnswer::Accepts),
        Ok(_) => Ok(WalletAnswer::Refuses),
        Err(away @ ChainError::Unavailable { .. }) => Err(away),
        // A wallet that reverts or burns its gas does not accept.
        Err(_) => Ok(WalletAnswer::Refuses),
    }
}
