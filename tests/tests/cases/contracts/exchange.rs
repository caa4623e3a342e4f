//! Settlement of matched orders (C-046, C-069): buyer, seller and operator on viem, paid in the test dollar.

use serde_json::json;
use wia_tests::{Client, Environment, repository};

use crate::indexer::notified;

#[tokio::test]
async fn viem_settles_two_signed_orders_at_the_earlier_ones_price() {
    // Of its own: the operator is the account that the relayer sends from.
    let env = Environment::start().await;
    let ready = env.ready();
    let [operator, seller, buyer] = [0, 1, 2].map(|n| &ready.accounts[n]);
    let variables = [
        ("OPERATOR_KEY", operator.private_key.clone()),
        ("SELLER_KEY", seller.private_key.clone()),
        ("BUYER_KEY", buyer.private_key.clone()),
    ];
    let artifacts = repository().join("abi/artifacts");
    let [credit, exchange, payment] =
        ["CarbonCredit", "CreditExchange", "TestUSD"].map(|name| ready.contracts[name].to_string());
    let url = env.anvil.url();
    let arguments = ["--url", &url, "--credit", &credit, "--exchange", &exchange, "--payment", &payment];
    let arguments = [&arguments[..], &["--artifacts", artifacts.to_str().expect("a path of text")]].concat();
    let lines = Client::node_with("exchange.mjs", &arguments, &variables).finish().await;

    assert_eq!(lines[0], json!({ "unauthorized": "AccessControlUnauthorizedAccount" }));
    assert_eq!(lines[1], json!({ "tooDear": "InvalidAuthorizationSignature" }));
    let trade = &lines[2]["trade"];
    assert_eq!(
        [&trade["maker"], &trade["taker"]],
        [&json!(seller.address.to_string()), &json!(buyer.address.to_string())]
    );
    assert_eq!([&trade["lots"], &trade["price"], &trade["takerFee"]], ["1000", "25000", "50000"]);
    assert!(lines[2]["blockchainTx"].as_str().is_some_and(|hash| hash.len() == 66), "{}", lines[2]);
    // One credit for 25.00; the buyer pays the taker's fee of 0.2 % on top.
    let moved = json!({
        "sellerCredit": "-1000000000000000000", "buyerCredit": "1000000000000000000",
        "sellerPayment": "25000000", "buyerPayment": "-25050000",
    });
    assert_eq!(lines[3]["moved"], moved);
    assert_eq!(lines[4], json!({ "overfilled": "OrderOverfilled" }));
    assert_eq!(lines[5], json!({ "remainingLots": "0" }));

    // And as the carbon document's message, to an outside subscriber.
    let told = notified(&env, "CreditExchange", "Trade", &buyer.address.to_string()).await;
    assert_eq!([&told["type"], &told["event"]], ["market.trades", "executed"]);
    let data = &told["data"];
    assert_eq!([&data["maker"], &data["taker"]], [&trade["maker"], &trade["taker"]]);
    assert_eq!(
        [&data["lots"], &data["pricePerLotUnits"], &data["takerFeeUnits"]],
        ["1000", "25000", "50000"]
    );
    assert_eq!([&data["takerSide"], &data["amountWei"]], ["buy", "1000000000000000000"]);
    assert_eq!(data["transactionHash"], lines[2]["blockchainTx"]);
}
