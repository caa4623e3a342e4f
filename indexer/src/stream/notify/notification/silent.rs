//! The events of our contracts that the documents have no message for, each with its reason.

/// Contract (`*`: any), event, reason.
pub(super) const SILENT: &[(&str, &str, &str)] = &[
    // Told in another way.
    (
        "CarbonCredit",
        "Transfer",
        "told per account, as wallet.balance_changed and blockchain.transaction_confirmed",
    ),
    ("*", "AuthorizationUsed", "stands beside the event of what was authorized, which is told"),
    (
        "*",
        "AuthorizationCanceled",
        "about a signed message that never came to be; its relayer tells that signer",
    ),
    ("*", "AuthorizationSkipped", "about a relayed message, which relay.update tells whoever sent it"),
    ("RelayBatcher", "ItemFailed", "about a relayed message, which relay.update tells whoever sent it"),
    // No document knows of it.
    ("TestUSD", "Transfer", "a payment token: the documents' wallet holds credits"),
    ("TestEUR", "Transfer", "a payment token: the documents' wallet holds credits"),
    ("*", "Approval", "an allowance moves nothing; the documents know none"),
    ("BatteryPassport", "UpdaterDelegated", "who may write is no event of the battery (B-081…B-091)"),
    ("FleetRegistry", "UpdaterDelegated", "who may write is no event of the battery (B-081…B-091)"),
    ("FleetRegistry", "RootRegistered", "names no battery, and an update is about one (B-032)"),
    ("FleetRegistry", "BatchAnchored", "names no battery, and an update is about one (B-032)"),
    // Administration.
    ("RelayBatcher", "CallAllowed", "set up by the constructor"),
    ("CarbonCredit", "IssuerQuotaSet", "administration: what an issuer may, not what became of a credit"),
    ("CreditExchange", "PaymentTokenSet", "administration"),
    ("CreditExchange", "FeeRecipientSet", "administration"),
    ("*", "Paused", "administration"),
    ("*", "Unpaused", "administration"),
    ("*", "RoleGranted", "administration"),
    ("*", "RoleRevoked", "administration"),
    ("*", "RoleAdminChanged", "administration"),
    ("*", "DefaultAdminTransferScheduled", "administration"),
    ("*", "DefaultAdminTransferCanceled", "administration"),
    ("*", "DefaultAdminDelayChangeScheduled", "administration"),
    ("*", "DefaultAdminDelayChangeCanceled", "administration"),
    ("*", "EIP712DomainChanged", "never emitted: the domain is fixed at deployment (ERC-5267)"),
];

/// Why that event of that contract has no message; `None` when it must have one.
pub(super) fn reason(contract: &str, event: &str) -> Option<&'static str> {
    let stands = |(c, e, _): &&(&str, &str, &str)| (*c == "*" || *c == contract) && *e == event;
    SILENT.iter().find(stands).map(|(_, _, reason)| *reason)
}
