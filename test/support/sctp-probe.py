"""SCTP without the kernel's help, for network tests: `listen PORT` prints the sender of the first INIT, `send HOST PORT` sends one. See RFC 9260."""
import socket
import struct
import sys


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def init_packet(port):
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 1)
    header = struct.pack("!HHI", 40000, port, 0)
    checksum = struct.pack("<I", crc32c(header + b"\0\0\0\0" + chunk))
    return header + checksum + chunk


mode, *rest = sys.argv[1:]
family = socket.AF_INET
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_SCTP)
raw.settimeout(5)
if mode == "send":
    raw.sendto(init_packet(int(rest[1])), (rest[0], 0))
else:
    print("ready", flush=True)
    try:
        while True:
            packet, (sender, _) = raw.recvfrom(2048)
            body = packet[(packet[0] & 15) * 4 :]
            if struct.unpack("!H", body[2:4])[0] == int(rest[0]) and body[12] == 1:
                print(sender, flush=True)
                break
    except TimeoutError:
        print("nothing", flush=True)
