// The double's process, as `start` describes it: server.mjs DIR

import { pathToFileURL } from 'node:url';
import { Exchange, send } from '../entra/http.mjs';
import { open, runIn } from '../entra/listening.mjs';
import { control } from './control.mjs';
import { Desks } from './desks.mjs';

/** Listens for the calls of tests; each desk that they make listens on a port of its own. */
export async function listen() {
    const desks = new Desks();
    const main = await open(async (request, response) =>
        send(response, await control(desks, new Exchange(request))),
    );
    desks.control = main.address;
    return {
        address: { control: main.address },
        close: () => Promise.all([main.close(), desks.close()]),
    };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await runIn(process.argv[2], listen);
