//! A wallet that is still on ethers-contract drives the same CarbonCredit.
//!
//! `WALLET_KEY=0x… ethers-interop RPC_URL CONTRACT`: the wallet sends two credits by a plain `transfer` to a new key
//! that has no ether; that key signs an ERC-3009 message, which the wallet submits. Whatever can be read on the way is
//! read. Out: one JSON object; an error and exit code 1 on any mismatch.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ethers_contract::{ContractCall, EthEvent, abigen};
use ethers_core::abi::{Detokenize, RawLog};
use ethers_core::rand::{Rng, thread_rng};
use ethers_core::types::transaction::eip712::{Eip712, TypedData};
use ethers_core::types::{Address, TransactionReceipt, U256};
use ethers_middleware::SignerMiddleware;
use ethers_providers::{Http, Middleware, Provider};
use ethers_signers::{LocalWallet, Signer};
use serde_json::{Value, json};

abigen!(CarbonCredit, "../../abi/artifacts/CarbonCredit.json");

type Client = SignerMiddleware<Provider<Http>, LocalWallet>;
type Outcome<T> = Result<T, Box<dyn Error>>;

const MILLICREDIT: u64 = 1_000_000_000_000_000;
const POLL: Duration = Duration::from_millis(50);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rpc_url, contract] = arguments.as_slice() else {
        return Err("usage: WALLET_KEY=0x… ethers-interop RPC_URL CONTRACT".into());
    };
    let provider = Provider::<Http>::try_from(rpc_url.as_str())?.interval(POLL);
    let chain_id = provider.get_chainid().await?.as_u64();
    let wallet = std::env::var("WALLET_KEY")?.parse::<LocalWallet>()?.with_chain_id(chain_id);
    let newcomer = LocalWallet::new(&mut thread_rng()).with_chain_id(chain_id);
    let client = Arc::new(SignerMiddleware::new(provider, wallet));
    let credit = CarbonCredit::new(contract.parse::<Address>()?, client);

    let domain = read_domain(&credit, chain_id).await?;
    let transfer = plain_transfer(&credit, newcomer.address()).await?;
    let authorized = authorized_transfer(&credit, &domain, &newcomer).await?;
    println!("{}", json!({"domain": domain, "transfer": transfer, "transferWithAuthorization": authorized}));
    Ok(())
}

/// ERC-5267: the domain as the contract itself states it, in the form that `signTypedData` takes.
async fn read_domain(credit: &CarbonCredit<Client>, chain_id: u64) -> Outcome<Value> {
    let (_, name, version, its_chain, verifying_contract, ..) = credit.eip_712_domain().call().await?;
    expect("the domain's name", name.as_str(), "WIA Carbon Credit Micro")?;
    expect("the domain's version", version.as_str(), "1")?;
    expect("the domain's chain", its_chain, chain_id.into())?;
    expect("the domain's contract", verifying_contract, credit.address())?;
    expect("the token's name", credit.name().call().await?, name.clone())?;
    expect("the token's decimals", credit.decimals().call().await?, 18)?;
    Ok(json!({
        "name": name, "version": version, "chainId": chain_id, "verifyingContract": verifying_contract,
    }))
}

/// The wallet pays two credits to `newcomer`.
async fn plain_transfer(credit: &CarbonCredit<Client>, newcomer: Address) -> Outcome<Value> {
    let payer = credit.client().address();
    let value = U256::from(2_000 * MILLICREDIT);
    let receipt = moved(credit, credit.transfer(newcomer, value), payer, newcomer, value).await?;
    Ok(json!({"transactionHash": receipt.transaction_hash, "valueWei": value.to_string()}))
}

/// `newcomer` signs, the wallet submits and is paid.
async fn authorized_transfer(
    credit: &CarbonCredit<Client>,
    domain: &Value,
    newcomer: &LocalWallet,
) -> Outcome<Value> {
    let payee = credit.client().address();
    let value = U256::from(1_500 * MILLICREDIT);
    let nonce: [u8; 32] = thread_rng().r#gen();
    let valid_before = U256::MAX;
    let typed_data: TypedData = serde_json::from_value(json!({
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "TransferWithAuthorization": [
                {"name": "from", "type": "address"},
                {"name": "to", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "validAfter", "type": "uint256"},
                {"name": "validBefore", "type": "uint256"},
                {"name": "nonce", "type": "bytes32"},
            ],
        },
        "primaryType": "TransferWithAuthorization",
        "domain": domain,
        "message": {
            "from": newcomer.address(), "to": payee, "value": value.to_string(),
            "validAfter": "0", "validBefore": valid_before.to_string(), "nonce": ethers_core::types::H256(nonce),
        },
    }))?;
    let digest = typed_data.encode_eip712()?;
    let signature = newcomer.sign_typed_data(&typed_data).await?;

    let used = || credit.authorization_state(newcomer.address(), nonce);
    expect("the nonce before", used().call().await?, false)?;
    let call = credit.transfer_with_authorization(
        newcomer.address(),
        payee,
        value,
        U256::zero(),
        valid_before,
        nonce,
        signature.to_vec().into(),
    );
    let receipt = moved(credit, call, newcomer.address(), payee, value).await?;
    expect("the nonce after", used().call().await?, true)?;
    let AuthorizationUsedFilter { authorizer, nonce: used_nonce } = event(&receipt)?;
    expect("AuthorizationUsed.authorizer", authorizer, newcomer.address())?;
    expect("AuthorizationUsed.nonce", used_nonce, nonce)?;
    Ok(json!({
        "transactionHash": receipt.transaction_hash,
        "valueWei": value.to_string(),
        "digest": ethers_core::types::H256(digest),
    }))
}

/// Sends `call` and shows that it moved exactly `value`, by both balances and by the event.
async fn moved<R: Detokenize>(
    credit: &CarbonCredit<Client>,
    call: ContractCall<Client, R>,
    from: Address,
    to: Address,
    value: U256,
) -> Outcome<TransactionReceipt> {
    let before = balances(credit, from, to).await?;
    let receipt = call.send().await?.await?.ok_or("the transaction was dropped")?;
    expect("the receipt's status", receipt.status, Some(1.into()))?;
    expect("the balances", balances(credit, from, to).await?, (before.0 - value, before.1 + value))?;
    let transfer: TransferFilter = event(&receipt)?;
    expect("Transfer", transfer, TransferFilter { from, to, value })?;
    Ok(receipt)
}

async fn balances(credit: &CarbonCredit<Client>, from: Address, to: Address) -> Outcome<(U256, U256)> {
    Ok((credit.balance_of(from).call().await?, credit.balance_of(to).call().await?))
}

/// The one event of that type in the receipt.
fn event<E: EthEvent>(receipt: &TransactionReceipt) -> Outcome<E> {
    let logs = receipt.logs.iter().filter(|log| log.topics.first() == Some(&E::signature()));
    let [log] = logs.collect::<Vec<_>>()[..] else {
        return Err(format!("{} is not in the receipt exactly once", E::name()).into());
    };
    Ok(E::decode_log(&RawLog { topics: log.topics.clone(), data: log.data.to_vec() })?)
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, wanted: T) -> Outcome<()> {
    if seen == wanted { Ok(()) } else { Err(format!("{what}: {seen:?}, not {wanted:?}").into()) }
}
