"""The console's settings: where its users find it, where the services answer, and the key that signs their tokens."""

from typing import Annotated, ClassVar

from shared.settings import Env, ServiceSettings, TokenPrivateKey


class ConsoleSettings(ServiceSettings):
    """`RECOURS_CONSOLE_…`, the six addresses of services and the stack's private key."""

    service: ClassVar[str] = "console"

    public_url: str
    token_private_key: TokenPrivateKey
    intake_url: Annotated[str, Env("RECOURS_INTAKE_URL")]
    scheduling_url: Annotated[str, Env("RECOURS_SCHEDULING_URL")]
    teleconsult_url: Annotated[str, Env("RECOURS_TELECONSULT_URL")]
    orientation_url: Annotated[str, Env("RECOURS_ORIENTATION_URL")]
    regulation_url: Annotated[str, Env("RECOURS_REGULATION_URL")]
    pilotage_url: Annotated[str, Env("RECOURS_PILOTAGE_URL")]
    ops_urls: Annotated[str, Env("RECOURS_OPS_URLS")] = ""
    """`intake=http://127.0.0.1:8721,…`: second addresses of the services, for the live board; absent = the port of the URL plus 20."""
