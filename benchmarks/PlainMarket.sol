// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title The plain way to settle: one call a trade, both orders verified, the price moved as ERC-20 tokens
/// @notice Only for comparison. It trusts nobody, as `Settlement` with its disputes does: signatures, limits, interval
/// and quantity of both orders are checked on chain. Written to be cheap: short orders, one slot for the fills of an
/// order, an allowance without limit (which OpenZeppelin's token never writes), no event beyond the token's.
contract PlainMarket is EIP712 {
    struct Order {
        address account;
        uint64 interval;
        bool sell;
        uint64 quantityWh;
        int64 limitPrice;
        uint64 nonce;
    }

    bytes32 private constant ORDER_TYPEHASH = keccak256(
        "Order(address account,uint64 interval,bool sell,uint64 quantityWh,int64 limitPrice,uint64 nonce)"
    );

    IERC20 public immutable token;
    mapping(bytes32 order => uint256) public filledWh;

    error Refused();

    constructor(IERC20 token_) EIP712("PLAIN", "1") {
        token = token_;
    }

    function settle(
        Order calldata buy,
        Order calldata sell,
        bytes calldata buySignature,
        bytes calldata sellSignature,
        uint64 quantityWh,
        uint64 price
    ) external {
        if (buy.sell || !sell.sell || buy.interval != sell.interval || buy.account == sell.account) revert Refused();
        if (int256(uint256(price)) > buy.limitPrice || int256(uint256(price)) < sell.limitPrice) revert Refused();
        _fill(buy, buySignature, quantityWh);
        _fill(sell, sellSignature, quantityWh);
        if (!token.transferFrom(buy.account, sell.account, uint256(quantityWh) * price)) revert Refused();
    }

    function hashOrder(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ORDER_TYPEHASH, order)));
    }

    function _fill(Order calldata order, bytes calldata signature, uint64 quantityWh) private {
        bytes32 digest = hashOrder(order);
        if (ECDSA.recoverCalldata(digest, signature) != order.account) revert Refused();
        uint256 filled = filledWh[digest] + quantityWh;
        if (filled > order.quantityWh) revert Refused();
        filledWh[digest] = filled;
    }
}
