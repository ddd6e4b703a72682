"""Chromium's DevTools protocol on every target of a page: the page itself, its workers, theirs, and the service worker.

Playwright hands out a session for a page only. The sessions below it are reached through messages that their parents pass on.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packager.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import CDPSession

_SECONDS = 10


@dataclass(frozen=True)
class Target:
    """One target: ``kind`` is page, worker or service_worker; ``path`` the session ids that lead to it from the page."""

    kind: str
    url: str
    path: tuple[str, ...] = ()


@dataclass
class Targets:
    """All targets below a page's session. ``prepare`` comes before the page runs any script, in others as early as it can."""

    session: CDPSession
    prepare: Callable[[Targets, Target], Awaitable[None]]
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _last: int = 0

    async def start(self) -> None:
        """Prepares the page and attaches to all that it starts from now on."""
        page = Target("page", "")
        self.session.on("Target.attachedToTarget", lambda params: self._attach((), params))
        self.session.on("Target.receivedMessageFromTarget", lambda params: self._receive((), params))
        await self.prepare(self, page)
        await self._follow(page)

    async def send(self, target: Target, method: str, **params: Any) -> dict[str, Any]:
        """The answer of a target. Raises BuildError where it refuses, or has gone."""
        from playwright.async_api import Error

        try:
            if not target.path:
                return dict(await self.session.send(method, params) or {})
            return await self._send_below(target, method, params)
        except (Error, TimeoutError) as error:
            raise BuildError(f"DevTools did not take {method}: {str(error).splitlines()[0]}", where=target.kind) from error

    async def _send_below(self, target: Target, method: str, params: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"id": self._next(), "method": method, "params": params}
        answer = self._waiting[message["id"]] = asyncio.get_running_loop().create_future()
        for session in reversed(target.path[1:]):
            message = {"id": self._next(), "method": "Target.sendMessageToTarget", "params": _wrapped(session, message)}
        await self.session.send("Target.sendMessageToTarget", _wrapped(target.path[0], message))
        try:
            found = await asyncio.wait_for(answer, _SECONDS)
        finally:
            self._waiting.pop(message["id"], None)
        if "error" in found:
            raise BuildError(f"DevTools refused {method}: {found['error'].get('message')}", where=target.kind)
        return dict(found.get("result", {}))

    async def _follow(self, target: Target) -> None:
        await self.send(target, "Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=False)

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _attach(self, parent: tuple[str, ...], params: dict[str, Any]) -> None:
        info = params["targetInfo"]
        target = Target(info["type"], info["url"], (*parent, params["sessionId"]))
        task = asyncio.create_task(self._begin(target))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, target: Target) -> None:
        """Prepares a target that waits, and lets it go; one that went away meanwhile needs nothing."""
        try:
            await self.prepare(self, target)
            await self._follow(target)
        except BuildError:
            pass
        finally:
            await self._release(target)

    async def _release(self, target: Target) -> None:
        try:
            await self.send(target, "Runtime.runIfWaitingForDebugger")
        except BuildError:
            return

    def _receive(self, parent: tuple[str, ...], params: dict[str, Any]) -> None:
        path = (*parent, params["sessionId"])
        message = json.loads(params["message"])
        if "id" in message:
            answer = self._waiting.pop(message["id"], None)
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif message["method"] == "Target.attachedToTarget":
            self._attach(path, message["params"])
        elif message["method"] == "Target.receivedMessageFromTarget":
            self._receive(path, message["params"])


def _wrapped(session: str, message: dict[str, Any]) -> dict[str, Any]:
    return {"sessionId": session, "message": json.dumps(message)}
