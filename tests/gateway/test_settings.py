"""Settings: complete and plausible, or an error that names the variable and keeps the secret."""

from pathlib import Path

import pytest

from gateway.settings import (
    VARIABLES,
    Address,
    SettingsError,
    from_environment,
    need_mqtt,
    unknown,
)
from tools import state

KEYS = {"POINTWIRE_MASTER_KEY": "a1" * 32, "POINTWIRE_AUDIT_KEY": "b2" * 32,
        "POINTWIRE_FRAME_KEY": "c3" * 32}


def refused(**changes: str) -> str:
    with pytest.raises(SettingsError) as caught:
        from_environment(KEYS | changes)
    return str(caught.value)


def test_three_keys_are_all_that_must_be_set():
    settings = from_environment(KEYS)
    assert settings.master_key == bytes.fromhex("a1" * 32)
    assert settings.database_url == "sqlite:///var/pointwire.sqlite3"
    assert (settings.environment, settings.batch_max, settings.log_format) == (
        "production", 200, "json")
    assert settings.http_bind == Address("127.0.0.1", 8080)
    assert settings.mqtt is None and settings.metrics_bind is None and settings.halt is None


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_missing_secret_is_named_with_the_command_that_makes_one(name: str):
    text = refused(**{name: ""})
    assert text.startswith(name + " is not set") and "openssl rand -hex 32" in text


def test_a_secret_of_the_wrong_length_is_refused_and_never_shown():
    text = refused(POINTWIRE_AUDIT_KEY="deadbeef" * 7)
    assert "56 characters instead of 64" in text and "deadbeef" not in text


def test_a_secret_that_is_not_hexadecimal_is_refused_and_never_shown():
    text = refused(POINTWIRE_FRAME_KEY="zz" * 32)
    assert "not hexadecimal" in text and "zz" not in text


def test_two_equal_secrets_are_refused():
    text = refused(POINTWIRE_FRAME_KEY="A1" * 32)
    assert "POINTWIRE_FRAME_KEY equals POINTWIRE_MASTER_KEY" in text


@pytest.mark.parametrize(("name", "value"), [
    ("ENVIRONMENT", "prod"), ("MQTT_VERSION", "4"), ("MQTT_SHARED", "yes"),
    ("LOG_FORMAT", "xml"), ("BATCH_MAX", "0"), ("BATCH_MAX", "1001"), ("BATCH_MAX", "-5"),
    ("BATCH_MAX", "\u0663"), ("HTTP_BIND", "8080"), ("HTTP_BIND", "localhost"),
    ("HTTP_BIND", "localhost:99999"), ("HTTP_BIND", "http://x:1"), ("METRICS_BIND", "x:"),
    ("MQTT_URL", "http://broker:1883"), ("MQTT_URL", "broker:1883"), ("MQTT_URL", "mqtt://"),
    ("MQTT_URL", "mqtt://broker:port"), ("MQTT_URL", "mqtt://broker:0"),
    ("MQTT_URL", "mqtt://[::1"), ("HTTP_BIND", "[::1"), ("HTTP_BIND", "\u2100.com:80"),
    ("DATABASE_URL", "mysql://h/d"), ("DATABASE_URL", "var/x.sqlite3"),
    ("MQTT_CLIENT_ID", "1001"), ("TEST_HALT", "before_commit"),
])
def test_an_implausible_value_is_refused_by_name(name: str, value: str):
    assert refused(**{f"POINTWIRE_{name}": value}).startswith(f"POINTWIRE_{name} ")


def test_a_password_in_the_broker_url_is_refused_without_repeating_it():
    text = refused(POINTWIRE_MQTT_URL="mqtt://gateway:hunter2@broker")
    assert "POINTWIRE_MQTT_PASSWORD" in text and "hunter2" not in text
    assert "hunter2" not in refused(POINTWIRE_MQTT_URL="mqtt://gateway:hunter2@[broker")


def test_a_shared_subscription_needs_mqtt_5():
    assert "MQTT_VERSION" in refused(POINTWIRE_MQTT_SHARED="1")
    from_environment(KEYS | {"POINTWIRE_MQTT_SHARED": "1", "POINTWIRE_MQTT_VERSION": "5"})


@pytest.mark.parametrize("name", ["no/such.pem", "folder", "no certificate"])
def test_a_ca_file_without_a_readable_certificate_is_refused(name: str, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "no certificate").write_text("hello")
    text = refused(POINTWIRE_MQTT_URL="mqtts://broker",
                   POINTWIRE_MQTT_CA_FILE=str(tmp_path / name))
    assert text.startswith("POINTWIRE_MQTT_CA_FILE ") and "PEM" in text


def test_a_broker_url_gives_address_user_and_the_usual_port():
    mqtt = need_mqtt(from_environment(KEYS | {
        "POINTWIRE_MQTT_URL": "mqtts://gateway@broker.example", "POINTWIRE_MQTT_PASSWORD": "x"}))
    assert (mqtt.address, mqtt.tls, mqtt.user, mqtt.password) == (
        Address("broker.example", 8883), True, "gateway", "x")


def test_a_worker_without_a_broker_is_refused():
    with pytest.raises(SettingsError, match="POINTWIRE_MQTT_URL is not set"):
        need_mqtt(from_environment(KEYS))


def test_a_halt_is_taken_in_tests_only():
    env = KEYS | {"POINTWIRE_ENVIRONMENT": "test", "POINTWIRE_TEST_HALT": "before_puback"}
    assert from_environment(env).halt == "before_puback"


def test_no_secret_shows_in_the_settings_own_text():
    shown = repr(from_environment(KEYS | {
        "POINTWIRE_MQTT_URL": "mqtt://u@b", "POINTWIRE_MQTT_PASSWORD": "hunter2",
        "POINTWIRE_DATABASE_URL": "postgresql://u:hunter3@h/d"}))
    assert not any(secret in shown for secret in ("hunter", "a1a1", "\\xa1"))


def test_a_misspelt_variable_is_found():
    assert unknown({"POINTWIRE_MASTERKEY": "", "POINTWIRE_MASTER_KEY": "", "HOME": ""}) == [
        "POINTWIRE_MASTERKEY"]
    assert unknown({state.HOME_VARIABLE: "/srv/demo"}) == []


def test_an_address_of_ipv6_is_written_with_brackets():
    settings = from_environment(KEYS | {"POINTWIRE_HTTP_BIND": "[::1]:80"})
    assert settings.http_bind == Address("::1", 80) and str(settings.http_bind) == "[::1]:80"


def test_every_variable_stands_in_the_readme():
    from tests.house.law import ROOT
    text = (ROOT / "gateway/README.md").read_text()
    missing = [name for name, _, _ in VARIABLES if f"`POINTWIRE_{name}`" not in text]
    assert not missing
