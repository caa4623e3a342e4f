//! What wallets sign for `CarbonCredit` beyond what every token takes.

use alloy::sol;

sol! {
    /// Retires credits of an issuance for a beneficiary and a period, for good.
    #[derive(Debug, PartialEq, Eq)]
    struct RetireAuthorization {
        address holder;
        string creditId;
        uint256 amount;
        string beneficiary;
        string purpose;
        bytes2 country;
        uint64 periodStart;
        uint64 periodEnd;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}
