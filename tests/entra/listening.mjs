// How a double listens: on ports of its own on 127.0.0.1, as one process that `start` began.

import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { numberConnection } from './calls.mjs';
import { send } from './http.mjs';

/** Listens on a port of its own; what is returned names it and closes it. */
export async function open(handle) {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
        Promise.resolve(handle(request, response)).catch((error) => {
            console.error(error);
            if (!response.headersSent)
                send(response, {
                    status: 500,
                    body: { error: { code: 'DoubleFailed', message: String(error) } },
                });
        });
    });
    server.on('connection', numberConnection);
    await new Promise((listening, failed) =>
        server.once('error', failed).listen(0, '127.0.0.1', listening),
    );
    const close = () =>
        new Promise((closed) => {
            server.close(closed);
            server.closeAllConnections();
        });
    return { address: `http://127.0.0.1:${server.address().port}`, close };
}

/** Runs what `listen` opens until the process is told to end; its addresses are in the folder. */
export async function runIn(folder, listen) {
    const { address } = await listen();
    const unfinished = join(folder, 'address.json.part');
    writeFileSync(unfinished, JSON.stringify(address));
    renameSync(unfinished, join(folder, 'address.json'));
    for (const end of ['SIGTERM', 'SIGINT']) process.on(end, () => process.exit(0));
}
