// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Who may do what to battery records, beyond owning them
/// @notice The economic operators of EU 2023/1542, granted by the role admin (OpenZeppelin's
/// AccessControlDefaultAdminRules: the default admin changes in two steps and after a delay).
///
/// A role never replaces ownership or delegation: whoever acts must be allowed to act on that record, and when the
/// contract is gated, must hold the role of that action too. The one exception is {NOTIFIED_BODY_ROLE}, see
/// {IBatterySupplyChain-recordEvent}. What counts is the actor's role, not the owner's nor the caller's, at the time of
/// execution: a role that was revoked or renounced takes the authorizations with it that its holder signed and nobody
/// executed. It takes no list with it that was registered before: {IFleetRegistry-materialise} asks for no role.
/// WARNING: the constructor gives its admin every role. When the default admin changes, the former one keeps all the
/// others: revoke them, or have them renounced, first.
/// WARNING: ungated contracts are for development chains. There anyone registers anything, and a record says no more
/// than that its key was there.
interface IBatteryRoles {
    /// @notice Whether actions need their role. Fixed at deployment.
    function gated() external view returns (bool);

    /// @notice Role that may register records and fleets, and record `manufacturing_complete`. Records of a second life
    /// are opened by {REPURPOSER_ROLE}, those of a registered fleet by anyone.
    function MANUFACTURER_ROLE() external view returns (bytes32);

    /// @notice Role that may put batteries into use and maintenance, and record what happens to them there.
    function OPERATOR_ROLE() external view returns (bytes32);

    /// @notice Role that may place second-life batteries on the market.
    function REPURPOSER_ROLE() external view returns (bytes32);

    /// @notice Role that may record recycling and its end.
    function RECYCLER_ROLE() external view returns (bytes32);

    /// @notice Role that may record `quality_certified`, for every record.
    function NOTIFIED_BODY_ROLE() external view returns (bytes32);
}
