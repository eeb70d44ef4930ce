from tests.reliability.test_outages import *


def test_x(transactional_db, administrator):
    s = administrator.session
    s["seen_at"] = 1
    with read_only():
        administrator.get("/admin/password_change/")
