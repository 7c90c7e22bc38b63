"""usage: relay.py DELAY_MS PORT=HOST:PORT...

Passes TCP connections on, each byte DELAY_MS later in both directions: for kernels without netem.
"""

import asyncio
import collections
import sys

# Bytes that may be under way in one direction; more than bandwidth times delay of the slowest network offered.
WINDOW = 4 << 20
CHUNK = 64 << 10


async def pass_on(reader, writer, delay):
    under_way = collections.deque()
    size = 0
    changed = asyncio.Condition()
    loop = asyncio.get_running_loop()

    async def send():
        try:
            await send_all()
        finally:
            async with changed:
                changed.notify_all()

    async def send_all():
        nonlocal size
        while True:
            async with changed:
                await changed.wait_for(lambda: under_way)
                due, data = under_way.popleft()
            await asyncio.sleep(due - loop.time())
            if data is None:
                writer.close()
                return
            writer.write(data)
            await writer.drain()
            async with changed:
                size -= len(data)
                changed.notify_all()

    sender = asyncio.create_task(send())
    try:
        while True:
            async with changed:
                await changed.wait_for(lambda: size < WINDOW or sender.done())
            data = b"" if sender.done() else await reader.read(CHUNK)
            async with changed:
                under_way.append((loop.time() + delay, data or None))
                size += len(data)
                changed.notify_all()
            if not data:
                break
        await sender
    except ConnectionError:
        sender.cancel()
    finally:
        writer.close()


async def main():
    delay = float(sys.argv[1]) / 1e3
    running = set()
    for route in sys.argv[2:]:
        port, _, target = route.partition("=")
        host, _, target_port = target.rpartition(":")

        async def connected(reader, writer, host=host, target_port=int(target_port)):
            try:
                await asyncio.sleep(2 * delay)
                far_reader, far_writer = await asyncio.open_connection(host, target_port)
            except OSError:
                writer.close()
                return
            for task in (pass_on(reader, far_writer, delay), pass_on(far_reader, writer, delay)):
                task = asyncio.create_task(task)
                running.add(task)
                task.add_done_callback(running.discard)

        await asyncio.start_server(connected, "127.0.0.1", int(port))
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
