#!/usr/bin/env python3
"""Replays the conversation on the page about the line protocol with a server.

  protocol_page.py MILLRACE PAGE
"""
import re, socket, subprocess, sys, tempfile


def replay(address, lines):
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 30) as connection, connection.makefile("rb") as answers:
        for line in lines:
            if line.startswith("> "):
                connection.sendall(line[2:].encode() + b"\n")
                continue
            found = answers.readline().decode().rstrip("\n")
            # An ellipsis stands for what differs from run to run.
            pattern = ".*".join(map(re.escape, line.split("…")))
            if not re.fullmatch(pattern, found):
                sys.exit("%r instead of %r" % (found, line))
        rest = answers.read()
        if not re.fullmatch(rb"(\+ [^\n]*\n)?", rest):
            sys.exit("%r at the end" % rest)


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        conversations = re.findall(r"^```wire\n(.*?)^```", file.read(), re.S | re.M)
    if not conversations:
        sys.exit("there is no conversation on the page")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.argv[1], "serve", "--data", folder + "/data", "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            for line in server.stderr:
                found = re.search(r"event=listening address=(\S+)", line)
                if found:
                    break
            for conversation in conversations:
                replay(found.group(1), conversation.splitlines())
        finally:
            server.terminate()
            server.communicate()
    print("ok")


main()
