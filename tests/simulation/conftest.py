"""The founded community of the integration tests, for simulations as well."""

from tests.integration.conftest import folder, founded

__all__ = ["folder", "founded"]
