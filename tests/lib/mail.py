"""A mail server that keeps what it is given."""
import asyncio
import email
import email.policy

from aiosmtpd.controller import Controller

from lib.gateway import free_port, wait_for


class MailSink:
    def __init__(self):
        self.messages = []
        self.refuse, self.slow_s = None, 0
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(self.slow_s)
        if self.refuse:
            return self.refuse
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append((envelope.rcpt_tos, message, envelope.content))
        return "250 OK"

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    def wait_for(self, wanted, seconds=20):
        """The first message for which wanted(recipients, message) is true."""
        return wait_for(lambda: next((m for m in list(self.messages) if wanted(m[0], m[1])), None), seconds,
                        message=f"no such mail among {[(r, str(m['Subject'])) for r, m, _ in self.messages]}")

    def stop(self):
        self.controller.stop()
