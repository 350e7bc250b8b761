"""A real MQTT broker for tests: Debian's mosquitto, with one user."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiomqtt

LOGIN = "node\nsecret\n"


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running_broker(folder: Path) -> Iterator[int]:
    """Run a broker until the block ends; give its port."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "the tests need Debian's mosquitto"
    port = free_port()
    users = folder / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), *LOGIN.split()], check=True, capture_output=True)
    users.chmod(0o644)
    configuration = folder / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\npassword_file {users}\nuser root\n")
    process = subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def connected(port: int) -> aiomqtt.Client:
    """Return a client of the broker, as soon as it takes one."""
    user, password = LOGIN.split()
    for _ in range(200):
        try:
            client = aiomqtt.Client("127.0.0.1", port, username=user, password=password)
            await client.__aenter__()
        except aiomqtt.MqttError:
            await asyncio.sleep(0.05)
        else:
            return client
    raise AssertionError("the broker does not start")
