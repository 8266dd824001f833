"""One gateway with its own PostgreSQL and mail server for the whole run; every exchange is held against openapi.yaml."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.contract import CONTRACT  # noqa: E402
from lib.gateway import BINARY, Gateway  # noqa: E402
from lib.mail import MailSink  # noqa: E402
from lib.organisation import Organisation  # noqa: E402
from lib.recorder import RECORDER  # noqa: E402

RECORDER.contract = CONTRACT
PORTAL = "https://portal.example.jp"
LONG = {"test_at_most_once.py", "test_end_to_end.py", "test_failover.py", "test_tasks.py", "test_webhooks.py"}


def pytest_sessionstart(session):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"{BINARY} is not there: make SAN=1", returncode=1)


def pytest_collection_modifyitems(items):
    """Where files run side by side, the long ones must not come last."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item):
    """Runs after the test itself, when that passed."""
    violations = RECORDER.take()
    assert not violations, "held against openapi.yaml:\n" + "\n".join(violations)


def pytest_runtest_teardown(item):
    RECORDER.take()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.sections.append(("again with", f"make SAN=1 && /usr/bin/python3 -m pytest 'tests/{item.nodeid.split('tests/')[-1]}'"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    Gateway.stop_all()
    RECORDER.keep()


@pytest.fixture(scope="session")
def mail():
    sink = MailSink()
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def gateway(mail):
    """The gateway of the run: no test stops it or harms it."""
    one = Gateway(MDR_SMTP_URL=mail.url, MDR_LOG_LEVEL="info", MDR_EGRESS_ALLOW="127.0.0.0/8").start()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def second(gateway):
    """Another gateway on the same database, behind a proxy and for a portal."""
    one = Gateway(data_dir=gateway.data_dir, MDR_SMTP_URL=gateway.env["MDR_SMTP_URL"], MDR_WORKERS="off",
                  MDR_CORS_ORIGINS=PORTAL, MDR_EGRESS_ALLOW="127.0.0.0/8", MDR_TRUSTED_PROXIES="127.0.0.0/8").start()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def org(gateway):
    return Organisation(gateway, "Alpha Industries")


@pytest.fixture(scope="session")
def other(gateway):
    """A second client beside `org`."""
    return Organisation(gateway, "Beta Trading")


@pytest.fixture
def fresh(gateway):
    """A client of this test only."""
    return Organisation(gateway, "Fresh")
