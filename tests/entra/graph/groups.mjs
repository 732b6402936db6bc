// Groups, and who is in them by any number of steps.

import { directoryObject, links } from './directory.mjs';
import { GraphError } from './error.mjs';
import { same } from '../tenants.mjs';
import { GROUP } from './types.mjs';

const FIELDS = ['id', 'displayName', 'mail', 'mailNickname', 'securityEnabled', 'mailEnabled'];

export const GROUP_ROUTES = directoryObject(GROUP, FIELDS, find, [
    links('members', (tenant, { members = [] }) => members),
    links('transitiveMembers', (tenant, { id }) =>
        reach(id, (group) => tenant.find('groups', group)?.members ?? []),
    ),
]);

/** The ids of the groups that somebody is in. */
export function groupsAround(tenant, member) {
    return reach(member, (id) =>
        tenant.groups
            .filter(({ members = [] }) => members.some((one) => same(one, id)))
            .map((group) => group.id),
    );
}

// Everything that can be reached from here; groups may hold each other in a circle.
function reach(from, next) {
    const seen = new Set([from.toLowerCase()]);
    const found = [];
    for (const queue = [from]; queue.length > 0;) {
        for (const id of next(queue.shift())) {
            if (seen.has(id.toLowerCase())) continue;
            seen.add(id.toLowerCase());
            found.push(id);
            queue.push(id);
        }
    }
    return found;
}

function find(tenant, key) {
    if (!/^[0-9a-f-]{36}$/i.test(key))
        throw GraphError.badRequest(`Invalid object identifier '${key}'.`, 'Request_BadRequest');
    return tenant.find('groups', key);
}
