"""A guard around Gradio, which validates too little and stores too much. Gradio's private names are used only here."""

import os
from functools import partial
from pathlib import Path

import gradio as gr
import gradio.route_utils
import gradio.routes
from gradio.route_utils import GradioMultiPartParser

from model.serving import ON_SPACES, UPLOADS, is_upload
from model.serving.limits import MAX_UPLOAD_MB, LimitsMiddleware, RateLimiter
from model.serving.reader import URL_PREFIX

FRAMED_BY = "*" if ON_SPACES else "'self'"  # any site may embed a Space
MAX_FILES = 2000  # maximum number of uploads, and of upload names that Gradio remembers
API = "/gradio_api"
PAGE_PATHS = "/config /assets/* /static/* /svelte/* /theme.css /favicon.ico /manifest.json /robots.txt /pwa_icon*"
API_PATHS = "info theme.css app_id startup-events heartbeat/* queue/* run/predict call/read_* call/v2/read_*"
COMPONENT_SERVER, CALL, UPLOAD, MCP = (f"{API}/{path}" for path in ("component_server", "call/", "upload", "mcp"))
EVENT = f"{API}/queue/join", f"{API}/run/predict"
MAX_HASH_LENGTH = 64  # maximum length of a session hash
MAX_SESSIONS = 1000  # number of sessions above which idle ones are forgotten
ANSWERED_SESSIONS = 500  # sessions for which answers are kept; Gradio's default is 2000
UNREAD, UNREAD_JSON = 10, 200  # messages a session may leave unfetched: from the page, with pictures; from programs


def guard(page: gr.Blocks) -> LimitsMiddleware:
    """Limit what Gradio stores, and return the middleware that admits only the requests that the page needs."""
    page._queue.pending_messages_per_session = gr.utils.LRUCache(ANSWERED_SESSIONS)
    gradio.routes.GradioMultiPartParser = gradio.route_utils.GradioMultiPartParser = Form
    return LimitsMiddleware(
        allowed=(  # Gradio's other endpoints write files, fetch URLs, or remember too much
            *PAGE_PATHS.split(),
            *(f"{API}/{path}" for path in (*API_PATHS.split(), f"file={UPLOADS}/*")),
            *(f"{URL_PREFIX}*", UPLOAD, COMPONENT_SERVER),
            *([MCP] if os.environ.get("GRADIO_MCP_SERVER", "").lower() == "true" else []),
        ),
        endless=(f"{API}/heartbeat/",),
        forms=(UPLOAD, COMPONENT_SERVER),
        max_bytes={  # bytes: an upload, the same in base64, a drawing, or a hundred corrections, plus overhead
            UPLOAD: (MAX_UPLOAD_MB + 1) * 10**6,
            MCP: (4 * MAX_UPLOAD_MB // 3 + 1) * 10**6,
            COMPONENT_SERVER: 10**6,
            EVENT[0]: 128_000,
        },
        max_bytes_elsewhere=8_000,
        max_open=400,
        rate_limiter=RateLimiter(rate=4_000_000, burst=64_000_000),
        headers={
            "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
            "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
            f"base-uri 'self'; form-action 'self'; frame-ancestors {FRAMED_BY}",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        },
        problem_with=partial(problem_with, page),
    )


def problem_with(page: gr.Blocks, path: str, body: object) -> str | None:
    """Return what is wrong with a request's JSON, or None; Gradio itself trusts it too much."""
    if not isinstance(body, dict):
        return "send a JSON object"
    if path == UPLOAD:
        return "send the picture as a form"
    if path == MCP:
        return None  # Gradio turns its calls into requests to read_digit and read_page, which come here as well
    session, data = body.get("session_hash") or "", body.get("data")
    if not isinstance(session, str) or len(session) > MAX_HASH_LENGTH:
        return f"send a session hash of at most {MAX_HASH_LENGTH} characters"
    if path == COMPONENT_SERVER:
        part = page.blocks.get(body.get("component_id")) if type(body.get("component_id")) is int else None
        known = part and body.get("fn_name") in ("read_drawing", "correct") and hasattr(part, body["fn_name"])
        return None if known and session and "data" in body else "there is no such function"
    if path in EVENT:
        event = page.fns.get(body.get("fn_index")) if type(body.get("fn_index")) is int else None
        if not event or not session:
            return "there is no such event"
        if not isinstance(data, list) or len(data) != len(event.inputs):
            return f"send {len(event.inputs)} inputs"
        mailbox = page._queue.pending_messages_per_session.get(session)
        if mailbox is not None and mailbox.qsize() > (UNREAD if event.api_visibility == "private" else UNREAD_JSON):
            return "fetch your answers first"
    else:
        if path.startswith(f"{CALL}v2/"):  # v2 names its inputs
            path, data = path.replace("v2/", "", 1), [body.get("image")] if set(body) == {"image"} else None
        if path not in (f"{CALL}read_digit", f"{CALL}read_page") or not isinstance(data, list) or len(data) != 1:
            return "read_digit and read_page take one input, image"
        if not isinstance(data[0], dict):
            return "upload the picture as a file; in Python, pass handle_file(path)"
    forget_idle(page)
    return None if is_local(data) else "upload the picture as a file"


def is_local(data: object) -> bool:
    """Return whether all files that a request names are uploads; Gradio would fetch URLs from other machines."""
    unchecked = [data]
    while unchecked:
        one = unchecked.pop()
        if isinstance(one, dict):
            unchecked += one.values()
            path = one.get("path")
            if path not in (None, "") and not (isinstance(path, str) and is_upload(path)):
                return False
        elif isinstance(one, list):
            unchecked += one
    return True


def forget_idle(page: gr.Blocks) -> None:
    """Forget the names of idle sessions, which Gradio keeps forever; call it in the server's event loop only."""
    waiting, mailboxes = page._queue.pending_event_ids_session, page._queue.pending_messages_per_session
    if len(waiting) > MAX_SESSIONS:
        for name in [name for name, events in waiting.items() if not events and name not in mailboxes]:
            del waiting[name]


def forget_uploads(page: gr.Blocks) -> None:
    """Forget the names of uploads, which Gradio keeps forever; safe in any thread."""
    for files in page.temp_file_sets:
        if len(files) > MAX_FILES:
            files.clear()  # `sweep` does not need the names: it lists the folder


class Form(GradioMultiPartParser):
    """Gradio's form parser, but it accepts one file per request and leaves no partial files behind."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more | {"max_files": 1, "max_fields": 10})

    async def parse(self):
        """Return the parsed form; if parsing fails, delete what was written to disk."""
        try:
            return await super().parse()
        except BaseException:
            for file in self._files_to_close_on_error:
                file.close()
                Path(file.name).unlink(missing_ok=True)
            raise
