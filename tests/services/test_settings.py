"""Settings come from outside, once, and a missing one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.settings import SERVICES, Settings, SettingsError, from_environment

GIVEN = {
    "YOAKE_WARD": "ward.toml",
    "YOAKE_NATS": "nats://127.0.0.1:4222",
    "YOAKE_DATABASE": "sqlite:///data/{service}.db",
    "YOAKE_KEYS": "keys",
}


def test_settings_are_read_from_the_environment() -> None:
    """As a service on its own gets them."""
    settings = from_environment(GIVEN | {"YOAKE_PAGES": "[::1]:8080", "YOAKE_PUBLISHED": "published.toml"})

    assert settings.ward_file == Path("ward.toml")
    assert settings.pages == ("[::1]", 8080)
    assert settings.published == Path("published.toml")


def test_settings_survive_the_way_through_the_environment() -> None:
    """The runner hands its own to the services so."""
    settings = from_environment(GIVEN)

    assert from_environment(settings.environment()) == settings


def test_each_service_has_a_database_of_its_own() -> None:
    """The ledger and the journals are never in one."""
    settings = from_environment(GIVEN)

    assert len({settings.database_of(service) for service in (*SERVICES, "keys")}) == len(SERVICES) + 1


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_missing_setting_is_named(name: str) -> None:
    """An empty one too."""
    for given in ({**GIVEN, name: ""}, {key: value for key, value in GIVEN.items() if key != name}):
        with pytest.raises(SettingsError, match=name):
            from_environment(given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("YOAKE_DATABASE", "sqlite:///all-in-one.db"),
        ("YOAKE_PAGES", "8080"),
        ("YOAKE_PAGES", "localhost:http"),
        ("YOAKE_PAGES", ":8080"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_an_example(name: str, value: str) -> None:
    """What is accepted stands in the message."""
    with pytest.raises(SettingsError, match=f"{name}.*such as"):
        from_environment(GIVEN | {name: value})


def test_a_settings_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """Before anything is opened."""
    settings = Settings(ward_file=tmp_path / "none.toml", nats="", database="", keys=tmp_path)

    with pytest.raises(ValueError, match=r"none\.toml: no such file"):
        settings.ward()
