"""docker-compose.yml started for real: the same commands, environment, order and health checks, without containers."""

import pytest

from tests.deploy.conftest import ComposeUp
from tests.deploy.judging import judge


@pytest.mark.proof
@pytest.mark.apache
@pytest.mark.timeout(400)
def test_the_compose_file_starts_a_platform_that_takes_a_call(compose_up: ComposeUp) -> None:
    seen = compose_up()
    print(f"\nhealthy after {seen['healthy_seconds']} s; without a program here: {seen['left_out']}")
    judge(seen)
