from node.coop.decision_words import sentence, with_cooperative
from node.i18n import speaking

COOPERATIVE, SOMEBODY = "0x" + "c6" * 20, "0x" + "11" * 20


def test_the_cooperative_is_called_so_and_others_as_they_are_named() -> None:
    named = with_cooperative({"cooperative": COOPERATIVE}, lambda name: "Ada")
    told = [
        sentence({"decision": "OwnershipTransferred", "facts": {"newOwner": owner}}, "UTC", named)
        for owner in (COOPERATIVE, SOMEBODY)
    ]
    assert told == ["The registry belongs to the cooperative.", "The registry belongs to Ada."]
    with speaking("fr"):
        facts = {"newOwner": COOPERATIVE}
        french = sentence({"decision": "OwnershipTransferred", "facts": facts}, "UTC", named)
    assert french == "Le registre appartient à la coopérative."
