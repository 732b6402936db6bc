// The double against what is said of it: node --test self-test.mjs
//
// Tests of Clavis lean on it to refuse, so most of this is about refusals.

import './self-test/sign-in.mjs';
import './self-test/people.mjs';
import './self-test/keys.mjs';
import './self-test/directory.mjs';
import './self-test/control.mjs';
