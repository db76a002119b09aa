"""A server that a script starts, and a client's connection to one; imported by the scripts beside it."""
import socket, subprocess, threading


class Connection:
    """One connection of the line protocol."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.reader = self.socket.makefile("r", encoding="utf-8")
        self.reader.readline()

    def send(self, text):
        self.socket.sendall(text.encode())

    def answer(self):
        """The lines of one answer, the last one being its end. Raises ConnectionError when the connection ends before that."""
        lines = []
        while True:
            line = self.reader.readline()
            if not line:
                raise ConnectionError("the connection ended")
            lines.append(line)
            if line[0] in "+-":
                return lines

    def close(self):
        self.reader.close()
        self.socket.close()


class Server:
    """A server over a data directory. Raises RuntimeError with what it said when it does not come to listen."""

    def __init__(self, millrace, data, *arguments, port=0):
        self.process = subprocess.Popen(
            [millrace, "serve", "--data", data, "--listen", "127.0.0.1:%d" % port, *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # What it has said on standard error so far.
        self.lines = []
        for line in self.process.stderr:
            self.lines.append(line)
            if "event=listening" in line:
                self.port = int(line.split("address=")[1].split()[0].rsplit(":", 1)[1])
                break
        else:
            raise RuntimeError("the server did not start: " + "".join(self.lines))
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        for line in self.process.stderr:
            self.lines.append(line)
