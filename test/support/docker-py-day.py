"""A day's work by docker-py: python docker-py-day.py unix:///path/to.sock"""
import socket
import sys

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound

client = docker.DockerClient(base_url=sys.argv[1], version="auto")
assert client.ping()
assert client.version()["ApiVersion"] == "1.51"

assert client.containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"
try:
    client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    raise AssertionError("exit 3 was not told")
except ContainerError as error:
    assert error.exit_status == 3
    assert b"bad" in error.stderr

box = client.containers.run("busybox", ["sh", "-c", "echo started; exec sleep 1000"], detach=True, name="py", labels={"by": "py"},
                            mem_limit="64m", ports={"80/tcp": ("127.0.0.1", None)}, environment={"A": "b"}, tmpfs={"/t": "size=1m"})
box.reload()
assert box.status == "running"
assert box.ports["80/tcp"][0]["HostIp"] == "127.0.0.1"
assert box.attrs["HostConfig"]["Memory"] == 64 * 1024 * 1024
code, output = box.exec_run(["sh", "-c", "echo $A; echo oops >&2; exit 4"], demux=True)
assert (code, output) == (4, (b"b\n", b"oops\n")), (code, output)
code, output = box.exec_run("tty", tty=True)
assert code == 0 and b"/dev/pts/" in output, output
assert box.logs() == b"started\n"
assert [c.name for c in client.containers.list(filters={"label": "by=py"})] == ["py"]
assert any("sleep 1000" in " ".join(row) for row in box.top()["Processes"])
box.rename("py2")
box.pause()
box.unpause()
box.kill("TERM")
box.stop(timeout=0)
assert box.wait()["StatusCode"] in (137, 143)
box.remove()
try:
    client.containers.get("py2")
    raise AssertionError("it is still there")
except NotFound:
    pass

cat = client.containers.create("busybox", "cat", stdin_open=True)
attached = cat.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
cat.start()
raw = attached._sock if hasattr(attached, "_sock") else attached
raw.settimeout(10)
raw.sendall(b"over the socket\n")
raw.shutdown(socket.SHUT_WR)
received = b""
while True:
    chunk = raw.recv(4096)
    if not chunk:
        break
    received += chunk
assert received[8:] == b"over the socket\n", received
assert cat.wait()["StatusCode"] == 0
cat.remove()

volume = client.volumes.create("pyvol", labels={"x": "y"})
assert client.containers.run("busybox", ["sh", "-c", "echo v >/v/f; cat /v/f"], volumes={"pyvol": {"bind": "/v"}}, remove=True) == b"v\n"
volume.remove()
image = client.images.get("busybox")
image.tag("mine/box", "v1")
client.images.remove("mine/box:v1")
try:
    client.images.get("mine/box:v1")
    raise AssertionError("the tag is still there")
except ImageNotFound:
    pass
try:
    client.containers.create("busybox", name="-")
    raise AssertionError("a bad name was taken")
except APIError as error:
    assert error.status_code == 400
assert client.info()["OSType"] == "linux"
print("all done")
