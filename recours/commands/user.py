"""`recours user`. Passwords are asked for, or read from the standard input; they are never arguments, which other users can see."""

import asyncio
import getpass
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from recours.commands.common import DataDir, Json, fail, print_json, refusals
from recours.stack.environment import command_settings
from shared.errors import RecoursError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Add, list or disable accounts of the console.")
Login = Annotated[str, typer.Argument(help="Name to sign in with.")]
T = TypeVar("T")


def _run(data_dir: Any, do: Callable[[Mapping[str, str]], Coroutine[Any, Any, T]]) -> T:
    with refusals():
        try:
            return asyncio.run(do(command_settings(data_dir)))
        except RecoursError as refusal:
            fail(f"{refusal.detail} {refusal.extra.get('errors', '')}".strip())


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        fail("the two passwords differ")
    return first


@app.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option(help="Name shown on the pages.")],
    role: Annotated[list[str], typer.Option(help="secretary, gp, duty_doctor, regulator, arm, osnp, coordinator, ops or admin; repeat.")],
    initials: Annotated[str, typer.Option(help="Two or three letters shown beside what this person did.")],
    territory: Annotated[str, typer.Option(help="Territory of the account.")],
    practitioner: Annotated[UUID | None, typer.Option(help="Id of the practitioner this person is.")] = None,
    second_factor: Annotated[bool, typer.Option("--second-factor", help="Require a code; prints the key for the application.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Make an account, or give a known login a new password and these roles."""
    from recours.operations import accounts

    password = _password()

    async def do(settings: Mapping[str, str]) -> str | None:
        await accounts.add(
            settings,
            login=login,
            password=password,
            display_name=name,
            initials=initials,
            roles=role,
            territory_id=territory,
            practitioner_id=practitioner,
        )
        return await accounts.require_second_factor(settings, login) if second_factor else None

    key = _run(data_dir, do)
    print(f"{login}: account made" + (f"; second factor's key, shown once: {key}" if key else ""))


@app.command(name="list")
def list_(data_dir: DataDir = None, json: Json = False) -> None:
    """Show the accounts: login, name, roles, territory, second factor, whether disabled."""
    from recours.operations import accounts

    found = _run(data_dir, accounts.listed)
    if json:
        print_json(
            {
                "accounts": [
                    {
                        "login": account.login,
                        "display_name": account.display_name,
                        "roles": sorted(account.roles),
                        "territory_id": account.territory_id,
                        "second_factor": account.second_factor,
                        "disabled": account.disabled,
                    }
                    for account in found
                ]
            }
        )
        return
    for account in found:
        marks = [mark for mark, shown in (("second factor", account.second_factor), ("disabled", account.disabled)) if shown]
        roles = ", ".join(sorted(account.roles))
        print(f"{account.login:<20} {account.display_name:<36} {account.territory_id:<12} {roles} {' '.join(marks)}")


@app.command()
def disable(login: Login, data_dir: DataDir = None) -> None:
    """Close an account and end its sessions at once."""
    from recours.operations import accounts

    _run(data_dir, lambda settings: accounts.disable(settings, login))
    print(f"{login}: disabled")


@app.command()
def password(login: Login, data_dir: DataDir = None) -> None:
    """Give an account a new password."""
    from recours.operations import accounts

    chosen = _password()
    _run(data_dir, lambda settings: accounts.change_password(settings, login, chosen))
    print(f"{login}: password changed")
