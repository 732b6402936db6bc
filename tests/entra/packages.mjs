// The packages of package.json, which `start` installs outside of the tree.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

// Node 20 may lack what oidc-provider takes from Node 22.
URL.parse ??= (...address) => (URL.canParse(...address) ? new URL(...address) : null);

const folder = process.env.CLAVIS_TEST_NODE ?? resolve(import.meta.dirname, '../../target/entra');
const installed = createRequire(resolve(folder, 'package.json'));
const load = (name) => import(pathToFileURL(installed.resolve(name)));

export const jose = await load('jose');
export const { Provider, errors } = await load('oidc-provider');
