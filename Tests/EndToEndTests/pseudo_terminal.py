"""A program on a pseudo-terminal, used as a person would use it: types, waits for what is on the screen, leaves."""
import fcntl, os, pty, re, select, struct, sys, termios


class Terminal:
    def __init__(self, command, home, columns=0, lines=0, **variables):
        """Starts a command with a home of its own. A terminal of no columns does not say its size."""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if columns:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.environ.update({"LC_ALL": "C", "HOME": home, "TERM": "xterm", "NO_COLOR": "1", "PAGER": "", **variables})
            os.execv(command[0], command)
        self.seen = ""
        self.pending = b""

    def type(self, text):
        os.write(self.fd, text if isinstance(text, bytes) else text.encode())

    def command(self, text):
        """Types a key that the editor acts on. The prompt is shown a moment before the editor has the terminal to itself."""
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            pass
        self.type(text)

    def expect(self, pattern, what):
        """Waits until the pattern is on the screen; what was before it counts as read."""
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found
            self.wait(pattern, what)

    def wait(self, pattern, what):
        """Waits for more on the screen."""
        ready, _, _ = select.select([self.fd], [], [], 60)
        if not ready:
            sys.exit("%s: waited for %r, have %r" % (what, pattern, self.seen[-2000:]))
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            sys.exit("%s: the shell ended; waited for %r, have %r" % (what, pattern, self.seen[-2000:]))
        self.pending += data
        # A character may come in two pieces.
        text = self.pending.decode(errors="ignore")
        self.seen += text
        self.pending = self.pending[len(text.encode()):] if self.pending.startswith(text.encode()) else b""

    def until(self, pattern, what):
        """Waits as `expect` does and gives what was on the screen before, with the ends of lines that files have."""
        while not re.search(pattern, self.seen):
            self.wait(pattern, what)
        found = re.search(pattern, self.seen)
        before, self.seen = self.seen[:found.start()], self.seen[found.end():]
        return before.replace("\r\n", "\n")

    def leave(self, text, what, status=0):
        wanted = status
        if text == "\x03" or not text:
            self.type(text)
        else:
            self.command(text)
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        if os.waitstatus_to_exitcode(status) != wanted:
            sys.exit("%s: exit status %d" % (what, os.waitstatus_to_exitcode(status)))
