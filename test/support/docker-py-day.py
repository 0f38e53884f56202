"""A day's work by docker-py: python docker-py-day.py unix:///path/to.sock 127.0.0.1:REGISTRY-PORT"""
import io
import json
import socket
import sys
import tarfile
import threading
import time

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


def until(what, done):
    for _ in range(100):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError(what)


# Networks of the user's own: aliases, an address, connect and disconnect, refusals, prune.
pool = docker.types.IPAMPool(subnet="10.253.8.0/24", gateway="10.253.8.1")
net = client.networks.create("pynet", ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={"by": "py"}, check_duplicate=True)
endpoint = client.api.create_endpoint_config(aliases=["web"], ipv4_address="10.253.8.9")
web = client.containers.run("busybox", ["sh", "-c", "while :; do echo hi | nc -l -p 80; done"], detach=True, name="pyweb",
                            network="pynet", networking_config={"pynet": endpoint})
guest = client.containers.run("busybox", ["sleep", "1000"], detach=True, name="pyguest", network="pynet")
for name in ("web", "pyweb", "10.253.8.9"):
    code, output = guest.exec_run(["nc", "-w", "3", name, "80"])
    assert (code, output) == (0, b"hi\n"), (name, code, output)
net.reload()
assert sorted(c.name for c in net.containers) == ["pyguest", "pyweb"]
try:
    net.remove()
    raise AssertionError("a network in use was removed")
except APIError as error:
    assert error.status_code == 403
net.disconnect(web)
net.connect(web, aliases=["again"])
assert guest.exec_run(["nc", "-w", "3", "again", "80"]).output == b"hi\n"
web.remove(force=True)
guest.remove(force=True)
assert client.networks.prune(filters={"label": "by=py"})["NetworksDeleted"] == ["pynet"]

# Copies in and out, statistics, an exec over a socket, update, events, health, wait conditions.
events = []
seen = threading.Event()


def watch():
    for event in client.events(decode=True, filters={"container": "pyday", "type": "container"}):
        events.append(event["Action"])
        if event["Action"] == "destroy":
            seen.set()
            return


watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
time.sleep(0.3)
day = client.containers.create("busybox", ["sh", "-c", "echo one; sleep 0.2; echo two; exec sleep 1000"], name="pyday", labels={"day": "py"},
                               auto_remove=True, mem_limit="64m", hostname="dayhost",
                               healthcheck={"test": ["CMD", "test", "-e", "/tmp/sub/in"], "interval": 100_000_000, "retries": 2})
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w") as tar:
    member = tarfile.TarInfo("sub/in")
    member.size, member.mode, member.uid = 5, 0o640, 7
    tar.addfile(member, io.BytesIO(b"there"))
assert day.put_archive("/tmp", packed.getvalue())
day.start()
followed = []
for chunk in day.logs(stream=True, follow=True):
    followed.append(chunk)
    if b"two" in b"".join(followed):
        break
assert b"".join(followed) == b"one\ntwo\n", followed
chunks, stat = day.get_archive("/tmp/sub")
assert stat["name"] == "sub", stat
with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
    member = tar.getmember("sub/in")
    assert (member.mode, member.uid, tar.extractfile(member).read()) == (0o640, 7, b"there")
until("it does not become healthy", lambda: (day.reload(), day.attrs["State"]["Health"]["Status"] == "healthy")[1])
sample = day.stats(stream=False)
assert sample["memory_stats"]["limit"] == 64 * 1024 * 1024
assert next(day.stats(stream=True, decode=True))["name"] == "/pyday"
day.update(mem_limit="96m", memswap_limit="96m")
day.reload()
assert day.attrs["HostConfig"]["Memory"] == 96 * 1024 * 1024
piped = day.exec_run(["cat"], socket=True, stdin=True, tty=False)
raw = piped.output._sock
raw.sendall(b"echoed\n")
raw.shutdown(socket.SHUT_WR)
raw.settimeout(10)
received = b""
while True:
    chunk = raw.recv(4096)
    if not chunk:
        break
    received += chunk
assert received[8:] == b"echoed\n", received
made = client.api.exec_create("pyday", ["sh", "-c", "stty size; echo $X"], tty=True, environment={"X": "y"}, workdir="/tmp", user="root")
assert b"".join(client.api.exec_start(made["Id"], tty=True, stream=True)).endswith(b"y\r\n")
assert client.api.exec_inspect(made["Id"])["ExitCode"] == 0
lines = [b"".join(pair[0] or b"" for pair in [one]) for one in day.exec_run(["sh", "-c", "echo a; echo b"], stream=True, demux=True).output]
assert b"".join(lines) == b"a\nb\n", lines
assert any(change["Path"] == "/tmp/sub" for change in day.diff())
image = day.commit("mine/day", "v1", changes=["ENV COMMITTED=yes"])
assert client.containers.run(image, ["sh", "-c", "echo $COMMITTED; cat /tmp/sub/in"], remove=True) == b"yes\nthere"
results = []
waiter = threading.Thread(target=lambda: results.append(day.wait(condition="removed")), daemon=True)
waiter.start()
time.sleep(0.3)
day.kill()
waiter.join(10)
assert results and results[0]["StatusCode"] == 137, results
assert seen.wait(10), events
told = [action for action in events if action in ("create", "start", "update", "commit", "kill", "die", "destroy")]
assert told == ["create", "start", "update", "commit", "kill", "die", "destroy"], events
assert "health_status: healthy" in events and "extract-to-dir" in events and "archive-path" in events, events

# Images: push, pull, digests, save, load, history, search that fails well, prune.
if len(sys.argv) > 2:
    name = sys.argv[2] + "/team/day"
    image.tag(name, "v1")
    steps = [json.loads(line) for line in client.images.push(name, "v1", auth_config={"username": "a", "password": "b"}).splitlines()]
    digest = [step["aux"]["Digest"] for step in steps if "aux" in step][0]
    client.images.remove(name + ":v1")
    pulled = client.images.pull(name, tag="v1")
    assert pulled.attrs["RepoDigests"] == [name + "@" + digest], pulled.attrs
    assert client.images.get_registry_data(name + ":v1").id == digest
    try:
        client.images.pull(name, tag="none")
        raise AssertionError("a tag that is not there was pulled")
    except NotFound:
        pass
    saved = b"".join(pulled.save(named=True))
    client.images.remove(name + ":v1")
    assert client.images.load(saved)[0].tags[0] == name + ":v1"
    assert client.images.get(name + ":v1").history()[0]["Comment"] == ""
    client.images.remove(name + ":v1")
client.images.remove("mine/day:v1")

# Volumes and prunes, and what the daemon says of itself.
client.volumes.create("pyunused")
assert client.volumes.prune(filters={"all": True})["VolumesDeleted"] == ["pyunused"]
client.containers.create("busybox", name="pynever")
assert len(client.containers.prune()["ContainersDeleted"]) == 1
assert client.images.prune(filters={"dangling": True})["SpaceReclaimed"] >= 0
assert {"Images", "Containers", "Volumes"} <= client.df().keys()
print("all done")
