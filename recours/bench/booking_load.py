"""The people who book, as a process of its own: kept-alive connections that send prepared bytes and read the answer's status and length.

Reads one JSON object on its standard input and writes one on its output. Threads, since they only wait: nothing of an HTTP client's
work is measured with the service's.
"""

import itertools
import json
import socket
import sys
import threading
import time
from typing import Any

from recours.bench.booking_agenda import Agenda

_BUFFER = 65_536


def _request(order: dict[str, Any], agenda: Agenda, number: int) -> bytes:
    booking = agenda.booking(number)
    body: str = order["body"]
    for name, value in (("REQUEST", booking.request_id), ("SLOT", booking.slot_id), ("PATIENT", booking.patient_id)):
        body = body.replace(f"<{name}>", str(value))
    head = (
        f"POST /appointments HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {order['token']}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {booking.key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body.encode()


def exchange(line: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Send one request and read its whole answer: status and body."""
    line.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(line)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    while len(body) < length:
        body += _more(line)
    return int(head[9:12]), body


def _more(line: socket.socket) -> bytes:
    received = line.recv(_BUFFER)
    if not received:
        raise ConnectionError("the service closed the line")
    return received


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Book for `seconds`, or `at_most` times, on connections shared out evenly among the ports; each booking's number is drawn once."""
    agenda = Agenda(order["practitioners"], order["weeks"])
    numbers = itertools.count(order["first"])
    milliseconds: list[float] = []
    refused: list[str] = []
    ready = threading.Barrier(order["connections"] + 1)
    last = order["first"] + order["at_most"]

    def book(port: int) -> None:
        with socket.create_connection((order["host"], port)) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.wait()
            until = time.perf_counter() + order["seconds"]
            while (sent_at := time.perf_counter()) < until and (number := next(numbers)) < last:
                status, body = exchange(line, _request(order, agenda, number))
                milliseconds.append((time.perf_counter() - sent_at) * 1000)
                if status != 200:
                    refused.append(f"{status} {body[:200].decode(errors='replace')}")
                    return

    ports = itertools.islice(itertools.cycle(order["ports"]), order["connections"])
    threads = [threading.Thread(target=book, args=(port,)) for port in ports]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return {"seconds": time.perf_counter() - started, "milliseconds": milliseconds, "refused": refused}


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))
