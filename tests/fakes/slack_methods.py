"""The Web API methods of the fake Slack: what each needs, refuses, does and answers."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes import slack_blocks
from tests.fakes.slack_world import BOT_ID, BOT_USER, TEAM, Post, Refused, Room, World

Arguments = Mapping[str, Any]
Method = Callable[[World, Arguments], dict[str, Any]]

LONGEST_TEXT = 40_000
_PAGE = 100

# Scopes that a method needs; `*` stands for the kind of the channel it is asked about.
SCOPES: Mapping[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.getPermalink": (),
    "conversations.open": ("im:write",),
    "conversations.info": ("*:read",),
    "conversations.members": ("*:read",),
    "conversations.history": ("*:history",),
    "conversations.replies": ("*:history",),
    "conversations.join": ("channels:join",),
    "users.info": ("users:read",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "files.info": ("files:read",),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
    "assistant.threads.setStatus": ("assistant:write",),
    "assistant.threads.setSuggestedPrompts": ("assistant:write",),
    "assistant.threads.setTitle": ("assistant:write",),
    "agents.sessions.setStatus": ("assistant:write",),
    "usergroups.users.list": ("usergroups:read",),
}


def room_of(world: World, arguments: Arguments, name: str = "channel") -> Room:
    """Return the channel that is meant; a person's id means the direct message with them."""
    id = str(arguments.get(name) or arguments.get("channel_id") or "")
    if id in world.people:
        return world.direct_message(id)
    room = world.rooms.get(id)
    if room is None:
        raise Refused("channel_not_found")
    return room


def _writable(world: World, arguments: Arguments) -> Room:
    room = room_of(world, arguments)
    if room.is_archived:
        raise Refused("is_archived")
    if BOT_USER not in room.members:
        raise Refused("not_in_channel" if room.kind == "channel" else "channel_not_found")
    return room


def _content(arguments: Arguments) -> dict[str, Any]:
    text, blocks = str(arguments.get("text") or ""), arguments.get("blocks") or []
    if not text and not blocks:
        raise Refused("no_text")
    if len(text) > LONGEST_TEXT:
        raise Refused("msg_too_long")
    found = slack_blocks.problems(blocks)
    if found:
        too_long = any("too_long" in one for one in found)
        error = "msg_blocks_too_long" if too_long else "invalid_blocks"
        raise Refused(error, response_metadata={"messages": [f"[ERROR] {one}" for one in found]})
    return {"text": text, "blocks": blocks}


def _metadata(arguments: Arguments) -> dict[str, Any] | None:
    metadata = arguments.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not metadata.get("event_type"):
        raise Refused("invalid_metadata_format")
    return metadata


def post_message(world: World, arguments: Arguments) -> dict[str, Any]:
    room = _writable(world, arguments)
    content, thread = _content(arguments), arguments.get("thread_ts")
    if thread and world.find_post(room.id, str(thread)) is None:
        raise Refused("thread_not_found")
    post = world.add(
        Post(
            channel=room.id,
            ts=world.next_ts(),
            user=BOT_USER,
            bot_id=BOT_ID,
            thread_ts=thread,
            metadata=_metadata(arguments),
            **content,
        )
    )
    return {"channel": room.id, "ts": post.ts, "message": post.as_json()}


def post_ephemeral(world: World, arguments: Arguments) -> dict[str, Any]:
    room = _writable(world, arguments)
    user = str(arguments.get("user"))
    if user not in room.members:
        raise Refused("user_not_in_channel")
    ts = world.next_ts()
    shown = {"channel": room.id, "user": user, "ts": ts, **_content(arguments)}
    world.ephemerals.append({**shown, "thread_ts": arguments.get("thread_ts")})
    return {"message_ts": ts}


def update(world: World, arguments: Arguments) -> dict[str, Any]:
    room = _writable(world, arguments)
    post = world.find_post(room.id, str(arguments.get("ts")))
    if post is None or post.is_deleted:
        raise Refused("message_not_found")
    if post.bot_id != BOT_ID:
        raise Refused("cant_update_message")
    content = _content(arguments)
    post.text, post.blocks = content["text"], content["blocks"]
    post.metadata = _metadata(arguments) or post.metadata
    post.edited_ts = world.next_ts()
    return {"channel": room.id, "ts": post.ts, "text": post.text, "message": post.as_json()}


def delete(world: World, arguments: Arguments) -> dict[str, Any]:
    room = _writable(world, arguments)
    post = world.find_post(room.id, str(arguments.get("ts")))
    if post is None or post.is_deleted:
        raise Refused("message_not_found")
    if post.bot_id != BOT_ID:
        raise Refused("cant_delete_message")
    post.is_deleted = True
    return {"channel": room.id, "ts": post.ts}


def permalink(world: World, arguments: Arguments) -> dict[str, Any]:
    room = room_of(world, arguments)
    ts = str(arguments.get("message_ts"))
    if world.find_post(room.id, ts) is None:
        raise Refused("message_not_found")
    number = ts.replace(".", "")
    return {"permalink": f"https://shop.slack.com/archives/{room.id}/p{number}"}


def open_conversation(world: World, arguments: Arguments) -> dict[str, Any]:
    user = str(arguments.get("users") or "")
    if user not in world.people:
        raise Refused("user_not_found")
    return {"channel": {"id": world.direct_message(user).id}}


def info(world: World, arguments: Arguments) -> dict[str, Any]:
    room = room_of(world, arguments)
    if room.kind == "group" and BOT_USER not in room.members:
        raise Refused("channel_not_found")
    return {
        "channel": {
            "id": room.id,
            "name": room.name,
            "is_channel": room.kind == "channel",
            "is_group": room.kind == "group",
            "is_im": room.kind == "im",
            "is_private": room.kind == "group",
            "is_member": BOT_USER in room.members,
            "is_archived": room.is_archived,
            "is_ext_shared": room.is_shared,
            "is_shared": room.is_shared,
        }
    }


def members(world: World, arguments: Arguments) -> dict[str, Any]:
    room = room_of(world, arguments)
    return {"members": sorted(room.members), "response_metadata": {"next_cursor": ""}}


def join(world: World, arguments: Arguments) -> dict[str, Any]:
    room = room_of(world, arguments)
    if room.kind != "channel":
        raise Refused("method_not_supported_for_channel_type")
    room.members.add(BOT_USER)
    return {"channel": {"id": room.id}}


def history(world: World, arguments: Arguments) -> dict[str, Any]:
    room = _readable(world, arguments)
    posts = [post for post in world.in_room(room.id) if post.thread_ts in (None, post.ts)]
    return _page(list(reversed(posts)), arguments)


def replies(world: World, arguments: Arguments) -> dict[str, Any]:
    room = _readable(world, arguments)
    root = str(arguments.get("ts"))
    if world.find_post(room.id, root) is None:
        raise Refused("thread_not_found")
    posts = [post for post in world.in_room(room.id) if post.root == root]
    return _page(posts, arguments, keep_root=root)


def _readable(world: World, arguments: Arguments) -> Room:
    room = room_of(world, arguments)
    if BOT_USER not in room.members:
        raise Refused("not_in_channel")
    return room


def _page(
    posts: list[Post], arguments: Arguments, *, keep_root: str | None = None
) -> dict[str, Any]:
    oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or "inf")
    inside = [p for p in posts if oldest < float(p.ts) <= latest or p.ts == keep_root]
    start, size = int(arguments.get("cursor") or 0), int(arguments.get("limit") or _PAGE)
    has_more = start + size < len(inside)
    with_metadata = str(arguments.get("include_all_metadata")).lower() in ("true", "1")
    return {
        "messages": [p.as_json(with_metadata=with_metadata) for p in inside[start : start + size]],
        "has_more": has_more,
        "response_metadata": {"next_cursor": str(start + size) if has_more else ""},
    }


def users_info(world: World, arguments: Arguments) -> dict[str, Any]:
    person = world.people.get(str(arguments.get("user")))
    if person is None:
        raise Refused("user_not_found")
    profile = {"real_name": person.name, "display_name": person.name.split()[0]}
    # Strangers' addresses are not shown, and nobody's without the scope for it.
    if person.email and not person.is_stranger and arguments.get("_may_see_email"):
        profile["email"] = person.email
    return {
        "user": {
            "id": person.id,
            "team_id": person.team,
            "name": person.name.lower().replace(" ", "."),
            "real_name": person.name,
            "is_bot": person.is_bot,
            "is_stranger": person.is_stranger,
            "is_email_confirmed": person.is_email_confirmed,
            "deleted": False,
            "tz": person.tz,
            "profile": profile,
        }
    }


def react(world: World, arguments: Arguments) -> dict[str, Any]:
    room = room_of(world, arguments)
    post = world.find_post(room.id, str(arguments.get("timestamp")))
    if post is None:
        raise Refused("message_not_found")
    name = str(arguments.get("name"))
    if name in post.reactions:
        raise Refused("already_reacted")
    post.reactions.append(name)
    return {}


def take_back_reaction(world: World, arguments: Arguments) -> dict[str, Any]:
    room = room_of(world, arguments)
    post = world.find_post(room.id, str(arguments.get("timestamp")))
    name = str(arguments.get("name"))
    if post is None or name not in post.reactions:
        raise Refused("no_reaction")
    post.reactions.remove(name)
    return {}


def file_info(world: World, arguments: Arguments) -> dict[str, Any]:
    found = world.files.get(str(arguments.get("file")))
    if found is None:
        raise Refused("file_not_found")
    return {"file": found}


def upload_url(world: World, arguments: Arguments) -> dict[str, Any]:
    id = world.next_id("F")
    world.files[id] = {"id": id, "name": str(arguments.get("filename")), "mimetype": ""}
    return {"file_id": id, "upload_url": f"{arguments['_base']}/upload/{id}"}


def complete_upload(world: World, arguments: Arguments) -> dict[str, Any]:
    room = room_of(world, arguments, "channel_id")
    files = [world.files[one["id"]] for one in arguments.get("files") or []]
    world.add(
        Post(
            channel=room.id,
            ts=world.next_ts(),
            user=BOT_USER,
            bot_id=BOT_ID,
            text=str(arguments.get("initial_comment") or ""),
            thread_ts=arguments.get("thread_ts"),
            files=files,
        )
    )
    return {"files": files}


def auth_test(_world: World, _arguments: Arguments) -> dict[str, Any]:
    return {
        "url": "https://shop.slack.com/",
        "team": "Shop",
        "user": "frontdesk",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def _noted(_world: World, _arguments: Arguments) -> dict[str, Any]:
    return {}


def set_session_status(_world: World, arguments: Arguments) -> dict[str, Any]:
    if arguments.get("status") not in ("processing", "active", "suspended", "closed"):
        raise Refused("invalid_arguments")
    return {}


def set_prompts(_world: World, arguments: Arguments) -> dict[str, Any]:
    prompts = arguments.get("prompts") or []
    if not 1 <= len(prompts) <= 4 or not all(p.get("title") and p.get("message") for p in prompts):
        raise Refused("invalid_arguments")
    return {}


METHODS: Mapping[str, Method] = {
    "auth.test": auth_test,
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": permalink,
    "conversations.open": open_conversation,
    "conversations.info": info,
    "conversations.members": members,
    "conversations.join": join,
    "conversations.history": history,
    "conversations.replies": replies,
    "users.info": users_info,
    "reactions.add": react,
    "reactions.remove": take_back_reaction,
    "files.info": file_info,
    "files.getUploadURLExternal": upload_url,
    "files.completeUploadExternal": complete_upload,
    "assistant.threads.setStatus": _noted,
    "assistant.threads.setTitle": _noted,
    "assistant.threads.setSuggestedPrompts": set_prompts,
    "agents.sessions.setStatus": set_session_status,
}
