// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TradeOpening} from "../src/interfaces/IOpenings.sol";
import {Export, LinkRun} from "../src/interfaces/IGateway.sol";
import {IntervalReadings, Order, Run, Trade} from "../src/interfaces/SignedTypes.sol";
import {Linked} from "./Linked.sol";

/// @notice What common calls cost, with the calls around them: `gas.snapshot` holds it, and a change is seen.
contract GasTest is Linked {
    bytes32 private constant SALT = keccak256("salt");

    Trade private _trade;
    Order private _order;
    bytes private _nets;

    function setUp() public {
        found();
        linkUp();
        for (uint256 i = 0; i < 4; i++) _deposit(i, 1e12);
        token.mint(address(this), BOND);
        disputes.postBond(OPERATOR, BOND);
        _order.account = accounts[0];
        _order.interval = FIRST;
        _order.quantityWh = 1_000;
        _order.limitPrice = 100_000;
        _trade.interval = FIRST;
        _trade.price = 120_000;
        _trade.quantityWh = 1_000;
        _trade.buyer = accounts[0];
        _trade.seller = accounts[1];
        _trade.buyOrder = settlement.hashOrder(_order);
        int256[4] memory net = [int256(-3e6), 1e6, 1e6, 1e6];
        for (uint256 i = 0; i < 4; i++) {
            _nets = bytes.concat(_nets, bytes20(accounts[i]), bytes12(uint96(int96(net[i]))));
        }
        vm.warp(FIRST + LENGTH);
        test_gas_attest_an_interval();
        settlement.settle(_run(), _nets, quorum(attestors, settlement.hashRun(_run())));
    }

    function test_gas_deposit() public {
        _deposit(0, 1e9);
    }

    function test_gas_request_withdrawal() public {
        vm.prank(accounts[0]);
        settlement.requestWithdrawal(1e9);
    }

    function test_gas_attest_an_interval() public {
        uint64 last = readings.lastInterval();
        uint64 interval = last == 0 ? FIRST : last + LENGTH;
        vm.warp(interval + LENGTH);
        IntervalReadings memory totals = IntervalReadings(interval, SALT, 1_000, 1_000);
        readings.attest(totals, quorum(oracles, readings.hashIntervalReadings(totals)));
    }

    function test_gas_settle_four_accounts_again() public {
        disputes.proveLimitPrice(1, TradeOpening(_trade, SALT, new bytes32[](0)), _order);
        settlement.unwind(_run(), _nets);
        token.mint(address(this), BOND);
        disputes.postBond(OPERATOR, BOND);
        settlement.settle(_run(), _nets, quorum(attestors, settlement.hashRun(_run())));
    }

    function test_gas_prove_a_limit_price_broken() public {
        disputes.proveLimitPrice(1, TradeOpening(_trade, SALT, new bytes32[](0)), _order);
    }

    function test_gas_ask_for_an_order() public {
        token.mint(address(this), STAKE);
        questions.askOrderOfTrade(1, TradeOpening(_trade, SALT, new bytes32[](0)), true);
    }

    function test_gas_settle_a_run_between_communities() public {
        LinkRun memory run = nextRun(1, 0);
        gateway.settle(run, quorum(attestors, gateway.hashRun(run)), quorum(theirs, gateway.hashRun(run)));
    }

    function test_gas_import_a_certificate() public {
        Export memory exported = exportOf(1, 0, 1_000);
        gateway.importCertificate(exported, quorum(theirs, gateway.hashExport(exported)));
    }

    function _deposit(uint256 who, uint256 amount) private {
        token.mint(address(this), amount);
        settlement.deposit(accounts[who], amount);
    }

    function _run() private view returns (Run memory run) {
        run.runId = 1;
        run.firstInterval = FIRST;
        run.lastInterval = FIRST;
        run.tradesRoot = settlement.leafOfTrade(_trade, SALT);
        run.readingsHash = readings.historyAt(FIRST);
        run.netsHash = keccak256(_nets);
        (run.importWh, run.exportWh) = (1_000, 1_000);
    }
}
