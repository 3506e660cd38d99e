"""A synthetic history (架空データ): messages of adapters that yield exactly the published tables.

Nobody's real record is known. What is invented here keeps to the published figures, cell by cell,
and is otherwise as varied as a real record: further contacts, silent calls, late entries, offers
declined, stays cancelled. The same tables, ward and seed give the same messages.
"""

from deploy.history.examples import Example, read_examples
from deploy.history.figures import Contradiction
from deploy.history.plan import plan
from deploy.history.post import Sent

__all__ = ["Contradiction", "Example", "Sent", "plan", "read_examples"]
