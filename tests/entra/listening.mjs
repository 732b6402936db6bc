// How a double listens: on ports of its own on 127.0.0.1, as one process that `start` began.

import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { numberConnection } from './calls.mjs';
import { send } from './http.mjs';

/**
 * Listens on a port of its own, in TLS where there is a pair `{ key, cert }` for that; what is returned
 * names the port and closes it.
 */
export async function open(handle, pair) {
    const settings = { keepAliveTimeout: 60_000, ...pair };
    const server = (pair ? createTlsServer : createServer)(settings, (request, response) => {
        Promise.resolve(handle(request, response)).catch((error) => {
            console.error(error);
            if (!response.headersSent)
                send(response, {
                    status: 500,
                    body: { error: { code: 'DoubleFailed', message: String(error) } },
                });
        });
    });
    // Requests name the socket that they are read from, which in TLS is not the one that was accepted.
    server.on(pair ? 'secureConnection' : 'connection', numberConnection);
    await new Promise((listening, failed) =>
        server.once('error', failed).listen(0, '127.0.0.1', listening),
    );
    const close = () =>
        new Promise((closed) => {
            server.close(closed);
            server.closeAllConnections();
        });
    const scheme = pair ? 'https' : 'http';
    return { address: `${scheme}://127.0.0.1:${server.address().port}`, close };
}

/**
 * Runs what `listen` opens until the process is told to end. It is given the folder, in which its
 * addresses are then.
 */
export async function runIn(folder, listen) {
    const { address } = await listen(folder);
    const unfinished = join(folder, 'address.json.part');
    writeFileSync(unfinished, JSON.stringify(address));
    renameSync(unfinished, join(folder, 'address.json'));
    for (const end of ['SIGTERM', 'SIGINT']) process.on(end, () => process.exit(0));
}
