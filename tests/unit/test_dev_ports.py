"""Ports for development brokers."""

import socket

import pytest

from deploy.dev import ports


def test_a_port_in_use_is_never_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "PORTS", range(port, port + 3))
        assert port not in ports.free_ports(1)


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        lowest = int(file.read().split()[0])
    assert max(ports.PORTS) < lowest


def test_ports_of_one_cluster_differ() -> None:
    assert len(set(ports.free_ports(6))) == 6
