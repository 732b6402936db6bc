// A host that is none of the tenant's: it notes whatever comes and answers an empty list, so that a
// client that follows a link to it fails in the test and not by an accident of the network.

import { send } from './http.mjs';

export class Elsewhere {
    requests = [];

    take({ method, url, headers }, response) {
        this.requests.push({ method, url, headers, authorization: 'authorization' in headers });
        send(response, { body: { value: [] } });
    }
}
