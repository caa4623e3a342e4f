//! Every signed action of every contract on its way through the relayer: alone, in batches over several contracts, and
//! without a batcher; what is refused on the way, and what one bad message costs the others.

use std::sync::atomic::{AtomicU64, Ordering};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use wia_abi::authorization::Domain;
use wia_abi::create2::{self, Settings};
use wia_abi::deployment::Contract;
use wia_abi::{
    BatteryPassport, BlockNumber, ConsentAnchor, action, carbon_credit, relay_batcher, typed_data,
};
use wia_protocol::relay::{State, Submission};
use wia_relayer::Config;

use crate::support::{Anvil, CREDIT, Relay, config, field};

const PAYEE: Address = Address::repeat_byte(0xbb);

/// A chain with every contract of the release.
struct World {
    anvil: Anvil,
    nonces: AtomicU64,
}

impl World {
    async fn start() -> Self {
        let mut anvil = Anvil::start().await;
        let admin = anvil.provider.get_accounts().await.unwrap()[0];
        let settings = Settings { admin, admin_delay_s: 0, gated: false, test_tokens: true };
        for plan in create2::plans(&settings) {
            let address = plan.address();
            if plan.name != carbon_credit::NAME {
                anvil.send(admin, create2::FACTORY, plan.factory_input()).await;
                anvil.mine(1).await;
            }
            assert!(!anvil.provider.get_code_at(address).await.unwrap().is_empty(), "{}", plan.name);
            let entry = Contract { address, block_number: BlockNumber(0) };
            anvil.deployment.contracts.insert(plan.name.to_owned(), entry);
        }
        Self { anvil, nonces: AtomicU64::new(0) }
    }

    fn address(&self, contract: &str) -> Address {
        self.anvil.deployment.contracts[contract].address
    }

    /// The answer of a contract to a question.
    async fn ask<C: SolCall>(&self, contract: &str, call: C) -> C::Return {
        let call =
            TransactionRequest::default().with_to(self.address(contract)).with_input(call.abi_encode());
        C::abi_decode_returns(&self.anvil.provider.call(call).latest().await.unwrap()).unwrap()
    }

    /// A signed message, as a wallet would submit it: `members` and besides them a window of an hour and a new nonce.
    async fn sign(&self, by: &PrivateKeySigner, contract: &str, action: &str, members: Value) -> Submission {
        let nonce = keccak256(self.nonces.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let mut message = json!({
            "validAfter": "0",
            "validBefore": (self.anvil.now().await + 3_600).to_string(),
            "nonce": nonce,
        });
        message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let params = json!({
            "chainId": self.anvil.deployment.chain_id.to_string(),
            "contract": contract,
            "action": action,
            "message": message,
            "signature": "0x",
        });
        let mut submission = Submission::parse(&params).unwrap();
        let signed = typed_data::all().into_iter().find(|s| s.contract == contract).unwrap();
        let domain = Domain::of(signed.domain_name, self.anvil.deployment.chain_id, self.address(contract));
        let digest = submission.message.digest(&domain);
        submission.signature = by.sign_hash_sync(&digest).unwrap().as_bytes().into();
        submission
    }

    /// Whether the chain carries the message out when it gets no more gas than the relayer reckons with.
    async fn executes_within_its_gas(&self, submission: &Submission) {
        let input = submission.message.calldata(&submission.signature);
        let tokens: u64 = input.iter().map(|byte| if *byte == 0 { 1 } else { 4 }).sum();
        let gas = 21_000 + 4 * tokens + submission.message.execution_gas();
        let call = TransactionRequest::default()
            .with_to(self.address(&submission.contract))
            .with_input(input)
            .with_gas_limit(gas);
        let answer = self.anvil.provider.call(call.clone()).latest().await;
        let used = self.anvil.provider.estimate_gas(call.with_gas_limit(8_000_000)).await;
        let name = submission.message.action().name;
        assert!(answer.is_ok(), "{name} with {gas} gas, of which it uses {used:?}: {answer:?}");
    }

    /// One message of each action, in an order in which the chain takes them.
    async fn one_of_each(&self) -> Vec<Submission> {
        let people = [1, 2, 3, 4].map(|seed| self.anvil.wallet(seed, 5));
        let [maker, owner, holder, guardian] = people;
        let (maker, owner) = (maker.await, owner.await);
        let (holder, guardian) = (holder.await, guardian.await);
        let hash = |text: &str| keccak256(text);
        let later = (self.anvil.now().await + 7_200).to_string();

        let salted = hash("salted id");
        let key = self
            .ask(
                "BatteryPassport",
                BatteryPassport::leanKeyCall { registrant: maker.address(), saltedId: salted },
            )
            .await;
        let id = "BAT-2026-LI-000001";
        let named =
            self.ask("BatteryPassport", BatteryPassport::batteryKeyCall { batteryId: id.into() }).await;
        let mut members = [owner.address(), holder.address(), guardian.address()];
        members.sort();
        let approvers =
            self.ask("ConsentAnchor", ConsentAnchor::approversHashCall { members: members.to_vec() }).await;
        let (first, second) = (hash("first consent"), hash("second consent"));
        let consent = self
            .ask(
                "ConsentAnchor",
                ConsentAnchor::consentKeyOfCall { anchorer: owner.address(), commitment: first },
            )
            .await;
        let anchor = |commitment: B256| {
            json!({"anchorer": owner.address(), "commitment": commitment, "level": "2", "expiry": later,
                   "approversHash": approvers, "threshold": "2", "guardian": guardian.address()})
        };
        let (credit, passport, fleet) = ("CarbonCredit", "BatteryPassport", "FleetRegistry");
        let (consents, exchange) = ("ConsentAnchor", "CreditExchange");
        let steps = [
            (
                &holder,
                credit,
                "TransferWithAuthorization",
                json!({"from": holder.address(), "to": PAYEE, "value": CREDIT.to_string()}),
            ),
            (
                &holder,
                credit,
                "RetireAuthorization",
                json!({"holder": holder.address(), "creditId": "credit-2", "amount": CREDIT.to_string(),
                    "beneficiary": "Müller & Söhne", "purpose": "the year's flights", "country": "0x4445",
                    "periodStart": "1735689600", "periodEnd": "1767225599"}),
            ),
            (
                &maker,
                passport,
                "RegisterAuthorization",
                json!({"registrant": maker.address(), "saltedId": salted, "dataHash": hash("data")}),
            ),
            (
                &maker,
                passport,
                "UpdateAuthorization",
                json!({"updater": maker.address(), "key": key, "sequence": "2", "dataHash": hash("more data")}),
            ),
            (
                &maker,
                passport,
                "OfferAuthorization",
                json!({"owner": maker.address(), "key": key, "tenure": "0", "to": owner.address(), "expiry": later,
                    "documents": hash("papers")}),
            ),
            (
                &owner,
                passport,
                "AcceptAuthorization",
                json!({"newOwner": owner.address(), "key": key, "tenure": "0", "expiry": later,
                    "documents": hash("papers")}),
            ),
            (
                &owner,
                passport,
                "DelegateAuthorization",
                json!({"owner": owner.address(), "key": key, "tenure": "1", "updater": maker.address(), "scope": "1",
                    "expiry": later}),
            ),
            (
                &owner,
                passport,
                "ChangeStatusAuthorization",
                json!({"actor": owner.address(), "key": key, "from": "1", "status": "3"}),
            ),
            // An installation, which changes the status as well.
            (
                &owner,
                passport,
                "RecordEventAuthorization",
                json!({"actor": owner.address(), "key": key, "kind": "5", "first": hash("car"),
                    "second": hash("garage")}),
            ),
            (
                &maker,
                passport,
                "RegisterBatteryAuthorization",
                json!({"manufacturer": maker.address(), "batteryId": id, "dataHash": hash("data")}),
            ),
            (
                &maker,
                passport,
                "UpdateDataAuthorization",
                json!({"updater": maker.address(), "batteryId": id, "sequence": "2", "newDataHash": hash("more")}),
            ),
            (
                &maker,
                passport,
                "TransferOwnershipAuthorization",
                json!({"owner": maker.address(), "batteryId": id, "tenure": "0", "newOwner": owner.address()}),
            ),
            (
                &owner,
                passport,
                "OfferAuthorization",
                json!({"owner": owner.address(), "key": named, "tenure": "1", "to": maker.address(), "expiry": later,
                    "documents": hash("papers")}),
            ),
            (
                &maker,
                passport,
                "AcceptBatteryAuthorization",
                json!({"newOwner": maker.address(), "batteryId": id, "tenure": "1", "expiry": later,
                    "documents": hash("papers")}),
            ),
            (
                &maker,
                fleet,
                "RegisterRootAuthorization",
                json!({"registrant": maker.address(), "root": hash("root"), "count": "1000",
                    "cidDigest": hash("list")}),
            ),
            (
                &maker,
                fleet,
                "AnchorBatchAuthorization",
                json!({"registrant": maker.address(), "fleetRoot": hash("root"), "sequence": "1",
                    "batchRoot": hash("batch"), "count": "1000", "cidDigest": hash("updates")}),
            ),
            (&owner, consents, "AnchorAuthorization", anchor(first)),
            (&owner, consents, "AnchorAuthorization", anchor(second)),
            (
                &owner,
                consents,
                "OpenAuthorization",
                json!({"anchorer": owner.address(), "commitment": first, "operationHash": hash("speak"),
                    "deadline": later, "members": members}),
            ),
            (
                &guardian,
                consents,
                "EmergencyRevokeAuthorization",
                json!({"guardian": guardian.address(), "consentKey": consent}),
            ),
            (
                &owner,
                consents,
                "RevokeAuthorization",
                json!({"anchorer": owner.address(), "commitment": second, "effectiveAt": "0"}),
            ),
            (&maker, exchange, "CancelOrderAuthorization", json!({"maker": maker.address(), "salt": "7"})),
            (
                &maker,
                exchange,
                "IncreaseCounterAuthorization",
                json!({"maker": maker.address(), "counter": "1"}),
            ),
        ];
        let mut signed = Vec::new();
        for (by, contract, action, members) in steps {
            signed.push(self.sign(by, contract, action, members).await);
        }
        signed
    }

    async fn retirement(&self, by: &PrivateKeySigner, credit: u64) -> Submission {
        let members = json!({"holder": by.address(), "creditId": format!("credit-{credit}"),
            "amount": CREDIT.to_string(), "beneficiary": "me", "purpose": "a year's flights", "country": "0x4445",
            "periodStart": "0", "periodEnd": "0"});
        self.sign(by, "CarbonCredit", "RetireAuthorization", members).await
    }

    async fn registration(&self, by: &PrivateKeySigner, id: &str) -> Submission {
        let members = json!({"manufacturer": by.address(), "batteryId": id, "dataHash": keccak256(id)});
        self.sign(by, "BatteryPassport", "RegisterBatteryAuthorization", members).await
    }

    async fn anchoring(&self, by: &PrivateKeySigner, name: &str, approvers: B256) -> Submission {
        let members = json!({"anchorer": by.address(), "commitment": keccak256(name), "level": "1",
            "expiry": (self.anvil.now().await + 7_200).to_string(), "approversHash": approvers, "threshold": "1",
            "guardian": Address::ZERO});
        self.sign(by, "ConsentAnchor", "AnchorAuthorization", members).await
    }

    /// Somebody submits a message himself while that batch is in the pool, for a higher price, so that his transaction
    /// stands before it in the block; his transaction's hash.
    async fn overtake(&self, batch: B256, with: &Submission) -> B256 {
        self.anvil.pooled(batch).await;
        let rival = self.anvil.provider.get_accounts().await.unwrap()[3];
        let request = TransactionRequest::default()
            .with_from(rival)
            .with_to(self.address(&with.contract))
            .with_input(with.message.calldata(&with.signature))
            .with_gas_limit(500_000)
            .with_max_fee_per_gas(900_000_000_000)
            .with_max_priority_fee_per_gas(800_000_000_000);
        let hash = *self.anvil.provider.send_transaction(request).await.unwrap().tx_hash();
        self.anvil.mine(1).await;
        hash
    }

    async fn is_registered(&self, id: &str) -> bool {
        let call = BatteryPassport::verifyDataCall { batteryId: id.into(), dataHash: keccak256(id) };
        self.ask("BatteryPassport", call).await
    }
}

/// One transaction in flight: what comes meanwhile goes together.
fn one_at_a_time(anvil: &Anvil) -> Config {
    Config { max_in_flight: 1, ..config(anvil) }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_is_executed_within_the_gas_that_is_reckoned_with() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let messages = world.one_of_each().await;
    let mut names: Vec<_> = messages.iter().map(|m| m.message.action().name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), action::all().len(), "{names:?}");
    let relay = Relay::start(&world.anvil, folder.path()).await;
    for message in &messages {
        world.executes_within_its_gas(message).await;
        let (_, mut steps) = relay.follow(message).await;
        steps.mined(&world.anvil).await;
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_all_contracts_that_build_on_each_other_go_in_two_transactions() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let messages = world.one_of_each().await;
    let relay =
        Relay::start_with(&world.anvil, folder.path(), one_at_a_time(&world.anvil), world.anvil.port).await;
    // The transfer goes first and holds the lane; the set of approvers can be checked once there is a consent.
    let (open, others): (Vec<_>, Vec<_>) = messages.iter().partition(|m| m.message.action().has_unsigned());
    let mut all = Vec::new();
    for message in others {
        all.push(relay.follow(message).await);
    }
    let (_, transfer) = &mut all[0];
    transfer.mined(&world.anvil).await;
    let mut transactions = Vec::new();
    for (_, steps) in &mut all[1..] {
        transactions.push(steps.until(State::Submitted).await.tx_hash.unwrap());
    }
    transactions.dedup();
    assert_eq!(transactions.len(), 1, "{transactions:?}");
    world.anvil.mine_with(transactions[0]).await;
    for (index, (_, steps)) in (0_u32..).zip(&mut all[1..]) {
        assert_eq!(steps.until(State::Mined).await.index, Some(index));
    }
    let receipt = world.anvil.provider.get_transaction_receipt(transactions[0]).await.unwrap().unwrap();
    assert_eq!(receipt.to, Some(world.address(relay_batcher::NAME)));
    // By now the guardian has ended the consent that it asks for.
    let error = relay.submit(open[0]).await.unwrap_err();
    assert_eq!(field(&error), "members", "{error}");
    assert!(error.to_string().contains("ConsentNotInForce"), "{error}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_in_a_mixed_batch_costs_the_others_nothing() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let (anvil, alice, bob) = (&world.anvil, world.anvil.wallet(1, 5).await, world.anvil.wallet(2, 0).await);
    let relay = Relay::start_with(anvil, folder.path(), one_at_a_time(anvil), anvil.port).await;
    let (_, mut first) = relay.follow(&world.registration(&bob, "BAT-1").await).await;
    let sent = first.until(State::Submitted).await;
    let approvers = keccak256("approvers");
    let (_, mut retired) = relay.follow(&world.retirement(&alice, 0).await).await;
    // Nobody can retire what he does not have, nor register what is registered.
    let (_, mut poor) = relay.follow(&world.retirement(&bob, 0).await).await;
    let (_, mut twice) = relay.follow(&world.registration(&alice, "BAT-1").await).await;
    let (_, mut registered) = relay.follow(&world.registration(&alice, "BAT-2").await).await;
    let (_, mut anchored) = relay.follow(&world.anchoring(&alice, "consent", approvers).await).await;
    anvil.mine_with(sent.tx_hash.unwrap()).await;
    first.until(State::Mined).await;
    let transactions = [
        retired.mined(anvil).await.tx_hash,
        registered.until(State::Mined).await.tx_hash,
        anchored.until(State::Mined).await.tx_hash,
    ];
    assert!(transactions.iter().all(|t| *t == transactions[0]), "{transactions:?}");
    for (steps, reason) in
        [(&mut poor, "ERC20InsufficientBalance"), (&mut twice, "Battery already registered")]
    {
        let refusal = steps.until(State::Rejected).await.refusal.unwrap();
        assert!(refusal.reason.starts_with(reason), "{}", refusal.reason);
    }
    assert_eq!(anvil.balance(alice.address()).await, U256::from(4 * CREDIT));
    assert!(world.is_registered("BAT-1").await && world.is_registered("BAT-2").await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_a_rival_executes_first_is_mined_with_his_transaction_and_the_batch_goes_on() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let (anvil, alice) = (&world.anvil, world.anvil.wallet(1, 0).await);
    let relay = Relay::start_with(anvil, folder.path(), one_at_a_time(anvil), anvil.port).await;
    let (_, mut first) = relay.follow(&world.registration(&alice, "BAT-0").await).await;
    let sent = first.until(State::Submitted).await;
    let mine = world.registration(&alice, "BAT-1").await;
    let (_, mut kept) = relay.follow(&mine).await;
    let stolen = world.registration(&alice, "BAT-2").await;
    let (_, mut taken) = relay.follow(&stolen).await;
    anvil.mine_with(sent.tx_hash.unwrap()).await;
    let batch = kept.until(State::Submitted).await.tx_hash;
    assert_eq!(taken.until(State::Submitted).await.tx_hash, batch);
    let rivals = world.overtake(batch.unwrap(), &stolen).await;
    assert_eq!(kept.until(State::Mined).await.tx_hash, batch);
    // The batch passed it over, and it is mined: in the other's transaction.
    assert_eq!(taken.until(State::Mined).await.tx_hash, Some(rivals));
    assert!(world.is_registered("BAT-1").await && world.is_registered("BAT-2").await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_batcher_could_not_carry_out_is_judged_anew_and_refused_for_everyone_to_check() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let (anvil, alice, bob) = (&world.anvil, world.anvil.wallet(1, 0).await, world.anvil.wallet(2, 0).await);
    let relay = Relay::start_with(anvil, folder.path(), one_at_a_time(anvil), anvil.port).await;
    let (_, mut first) = relay.follow(&world.registration(&alice, "BAT-0").await).await;
    let sent = first.until(State::Submitted).await;
    let (_, mut kept) = relay.follow(&world.registration(&alice, "BAT-1").await).await;
    let (late_id, mut late) = relay.follow(&world.registration(&alice, "BAT-2").await).await;
    anvil.mine_with(sent.tx_hash.unwrap()).await;
    let batch = kept.until(State::Submitted).await.tx_hash;
    assert_eq!(late.until(State::Submitted).await.tx_hash, batch);
    // Somebody else registers the same battery: the nonce is still free, the action no longer possible.
    world.overtake(batch.unwrap(), &world.registration(&bob, "BAT-2").await).await;
    assert_eq!(kept.until(State::Mined).await.tx_hash, batch);
    let again = late.until(State::Accepted).await;
    assert!(again.reason.is_some_and(|reason| reason.starts_with("Error in transaction")));
    let status = relay.mine_until(anvil, late_id, State::Rejected).await;
    assert_eq!(status.last.refusal.unwrap().reason, "Battery already registered");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_batcher_each_message_has_a_transaction_of_its_own() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let (anvil, alice) = (&world.anvil, world.anvil.wallet(1, 5).await);
    let mut config = config(anvil);
    config.deployment.contracts.remove(relay_batcher::NAME);
    let relay = Relay::start_with(anvil, folder.path(), config, anvil.port).await;
    let (_, mut retired) = relay.follow(&world.retirement(&alice, 0).await).await;
    let (_, mut registered) = relay.follow(&world.registration(&alice, "BAT-1").await).await;
    let sent = [retired.until(State::Submitted).await, registered.until(State::Submitted).await];
    let [one, other] = sent.map(|update| update.tx_hash.unwrap());
    assert_ne!(one, other);
    anvil.pooled(one).await;
    anvil.mine_with(other).await;
    retired.until(State::Mined).await;
    registered.until(State::Mined).await;
    let (_, mut twice) = relay.follow(&world.registration(&alice, "BAT-1").await).await;
    let refusal = twice.until(State::Rejected).await.refusal.unwrap();
    assert_eq!(refusal.reason, "Battery already registered");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_set_of_approvers_is_refused_at_the_door_and_the_right_one_is_taken() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let (anvil, alice) = (&world.anvil, world.anvil.wallet(1, 0).await);
    let relay = Relay::start(anvil, folder.path()).await;
    let members = [Address::repeat_byte(1), Address::repeat_byte(2)];
    let approvers =
        world.ask("ConsentAnchor", ConsentAnchor::approversHashCall { members: members.to_vec() }).await;
    let (_, mut anchored) = relay.follow(&world.anchoring(&alice, "consent", approvers).await).await;
    anchored.mined(anvil).await;
    let request = json!({"anchorer": alice.address(), "commitment": keccak256("consent"),
        "operationHash": keccak256("speak"), "deadline": (anvil.now().await + 3_600).to_string(), "members": members});
    let right = world.sign(&alice, "ConsentAnchor", "OpenAuthorization", request).await;
    // Somebody who saw the signature hands it in with another set: it is the same message.
    let mut params = right.to_params();
    params["message"]["members"] = json!([Address::repeat_byte(3)]);
    let wrong = Submission::parse(&params).unwrap();
    let error = relay.submit(&wrong).await.unwrap_err();
    assert_eq!((error.code, field(&error)), (-32602, "members"), "{error}");
    assert!(error.to_string().contains("ApproversNotCurrent"), "{error}");
    let (relay_id, mut opened) = relay.follow(&right).await;
    opened.mined(anvil).await;
    // Once it is executed, either is answered with what became of it.
    assert_eq!(relay.submit(&wrong).await.unwrap().relay_id, relay_id);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_on_the_list_is_refused_by_the_rule() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let (anvil, alice) = (&world.anvil, world.anvil.wallet(1, 5).await);
    let mut config = config(anvil);
    config.actions.insert("CarbonCredit".into(), vec!["RetireAuthorization".into()]);
    let relay = Relay::start_with(anvil, folder.path(), config, anvil.port).await;
    let info = relay.relayer.info();
    assert_eq!(
        serde_json::to_value(&info.actions).unwrap(),
        json!({"CarbonCredit": ["RetireAuthorization"]})
    );
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let error = relay.submit(&transfer).await.unwrap_err();
    assert_eq!((error.code, field(&error)), (-32602, "action"));
    assert!(error.to_string().contains("rule `actions`"), "{error}");
    let error = relay.submit(&world.registration(&alice, "BAT-1").await).await.unwrap_err();
    assert_eq!(field(&error), "contract");
    let mut misplaced = world.registration(&alice, "BAT-1").await;
    misplaced.contract = "CarbonCredit".into();
    assert_eq!(field(&relay.submit(&misplaced).await.unwrap_err()), "action");
    let (_, mut retired) = relay.follow(&world.retirement(&alice, 0).await).await;
    retired.mined(anvil).await;
    relay.stop().await;
}
