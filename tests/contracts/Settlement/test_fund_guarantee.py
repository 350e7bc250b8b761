from tests.support.community import MEMBERS, OWNER, Community
from tests.support.evm import reverts


def test_fund_grows(community: Community) -> None:
    receipt = community.fund_guarantee(400)
    assert receipt.event("GuaranteeFunded") == {"from": OWNER, "amount": 400}
    community.fund_guarantee(30)
    assert community.settlement.call("guaranteeFund") == 430
    assert community.settlement.call("totalHeld") == 430
    assert community.token.call("balanceOf", community.settlement) == 430
    assert community.settlement.call("balanceOf", OWNER) == 0


def test_nothing_comes_in_without_tokens(community: Community) -> None:
    member = MEMBERS[0].address
    community.token.transact("approve", community.settlement, 400, sender=member)
    with reverts("ERC20InsufficientBalance", member, 0, 400):
        community.settlement.transact("fundGuarantee", 400, sender=member)
