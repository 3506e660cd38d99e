"""The open cases by handover's register, for whoever looks: whether or not handover runs."""

from __future__ import annotations

import sqlalchemy as sa

from services.handover.register import CASES
from services.hearing import CURSORS
from services.pages.tonight_reading import InHand


def in_hand(engine: sa.Engine) -> InHand:
    """Those in hand with what was merged into them, the newest first, and the position of intake's log they are up to.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: handover's database cannot be read, or was not made yet.
    """
    is_whole = sa.and_(CASES.c.open, CASES.c.merged_into.is_(None))
    is_part = CASES.c.merged_into.in_(sa.select(CASES.c.case).where(is_whole))
    query = sa.select(CASES.c.case).where(sa.or_(is_whole, is_part))
    heard = sa.select(CURSORS.c.position).where(CURSORS.c.service == "intake")
    with engine.connect() as connection:
        position = connection.execute(heard).scalar() or 0
        return InHand(list(connection.execute(query.order_by(CASES.c.began_at.desc())).scalars()), position)
