"""Tokens that were tampered with, judged by the gateway, by PyJWT and by `jose`, with the same keys and rules.

`token_verdicts.py keys FOLDER` makes the keys of a run and prints the environment of its gateway as JSON. `token_verdicts.py
judge FOLDER` asks all three. What the gateway accepts both others must accept, or the difference is one of `ACCEPTED_ALONE`;
what both others accept and the gateway refuses must be one of `REFUSED_ALONE`. Mutations are the same in each run.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import time
import urllib.parse
from collections import Counter

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISSUER, AUDIENCE = "https://issuer.example/", "api://guarded"
TRIED = 2_500
SEED = 20261121
PEM, PLAIN = serialization.Encoding.PEM, serialization.NoEncryption()
ALGORITHMS = {
    "mac": ["HS256", "HS384", "HS512"],
    "rsa": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    "p256": ["ES256"],
    "p384": ["ES384"],
    "p521": ["ES512"],
    "ed": ["EdDSA"],
}
KEY_OF = {algorithm: key for key, algorithms in ALGORITHMS.items() for algorithm in algorithms}
SEALS = {
    "seal-16": [("A128KW", None), ("A128GCMKW", None)],
    "seal-32": [("A256KW", None), ("A256GCMKW", None), ("dir", "A256GCM"), ("dir", "A128CBC-HS256")],
    "seal-64": [("dir", "A256CBC-HS512")],
    "seal-rsa": [("RSA-OAEP", None), ("RSA-OAEP-256", None), ("RSA-OAEP-384", None), ("RSA-OAEP-512", None)],
}
ENCRYPTIONS = ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"]
# What the gateway does not offer, though others do.
NOT_OFFERED = {"A128GCMKW", "A256GCMKW", "RSA-OAEP-384", "RSA-OAEP-512"}


def encode(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def canonical(part):
    """The bytes of a part that is Base64url without padding, white space and stray bits; nothing else."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, UnicodeError):
        return None
    return data if encode(data) == part else None


# The keys.


def private_keys():
    return {
        "rsa": rsa.generate_private_key(65537, 2048),
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "p521": ec.generate_private_key(ec.SECP521R1()),
        "ed": ed25519.Ed25519PrivateKey.generate(),
        "seal": rsa.generate_private_key(65537, 2048),
    }


def make_keys(folder):
    """Certificates with their keys for the gateway; the secrets are its environment."""
    for name, key in private_keys().items():
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        certificate = builder.sign(key, None if name == "ed" else hashes.SHA256())
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, PLAIN)
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(PEM) + private)
    secrets = {"MAC_KEY": 64, "SEAL_16": 16, "SEAL_32": 32, "SEAL_64": 64}
    print(json.dumps({name: base64.b64encode(os.urandom(size)).decode() for name, size in secrets.items()}))


class Keys:
    """The keys of a run, and an attacker's own."""

    def __init__(self, folder):
        def load(name):
            return serialization.load_pem_private_key((folder / f"{name}.pem").read_bytes(), None)

        self.mac = base64.b64decode(os.environ["MAC_KEY"])
        self.private = {name: load(name) for name in ("rsa", "p256", "p384", "p521", "ed")}
        self.seal_rsa = load("seal")
        self.stranger = private_keys()
        self.symmetric = {f"seal-{size}": base64.b64decode(os.environ[f"SEAL_{size}"]) for size in (16, 32, 64)}

    def sign(self, algorithm, data, private=None):
        """A signature as RFC 7518 has it."""
        private = private or self.private
        if algorithm.startswith("HS"):
            return hmac.new(self.mac, data, getattr(hashlib, f"sha{algorithm[2:]}")).digest()
        key = private[KEY_OF[algorithm]]
        if algorithm == "EdDSA":
            return key.sign(data)
        digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[algorithm[2:]]()
        if algorithm.startswith("RS"):
            return key.sign(data, padding.PKCS1v15(), digest)
        if algorithm.startswith("PS"):
            return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        size = (key.curve.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def jwk(self, name):
        """The public key, or the secret."""
        if name == "mac":
            return {"kty": "oct", "kid": name, "k": encode(self.mac)}
        public = self.private[name].public_key()
        makers = {"rsa": jwt.algorithms.RSAAlgorithm, "ed": jwt.algorithms.OKPAlgorithm}
        jwk = makers.get(name, jwt.algorithms.ECAlgorithm).to_jwk(public, as_dict=True)
        return {**{member: value for member, value in jwk.items() if member != "key_ops"}, "kid": name}

    def for_jose(self):
        keys = [{"jwk": self.jwk(name), "algorithms": algorithms} for name, algorithms in ALGORITHMS.items()]
        seals = [{"jwk": {"kty": "oct", "kid": name, "k": encode(key)}} for name, key in self.symmetric.items()]
        private = jwt.algorithms.RSAAlgorithm.to_jwk(self.seal_rsa, as_dict=True)
        private = {member: value for member, value in private.items() if member != "key_ops"}
        return {"keys": keys, "seals": [*seals, {"jwk": {**private, "kid": "seal-rsa"}}]}


# Members of headers and claims, as texts of JSON, so that what no library would write can be written. Each is a change of the
# list of members: a name to replace or to add.

OTHER_NUMBERS = ["1e400", "-1", "0", "1.5e9", "99999999999999999999", "9007199254740993", "-0.0", "1E1", "01", "+1", "0x10", ".5"]
OTHER_VALUES = ["null", "true", "[]", "{}", '""', '"x"', "NaN", "Infinity", "[null]", '["x"]', '{"x":1}', '"\\ud800"', '"\\u0000"']


def member_mutations(now):
    """Mutations of members: where, and pairs of a name and a text; a text of nothing takes the member away."""
    header, claims = [], []
    names = ["none", "None", "NONE", "nOnE", "", "HS256 ", " HS256", "hs256", "RS256", "ES256", "HS1", "ED25519", "Ed25519"]
    header += [[("alg", json.dumps(name))] for name in [*names, "ES256K"]]
    header += [[("alg", value)] for value in [None, "null", "1", '["HS256"]', "true", '"\\u0048S256"']]
    kids = ["rsa", "RSA", "mac", "p256", "unknown", "", " ", "rsa ", "../../../../etc/hostname", "' OR '1'='1", "%72sa"]
    header += [[("kid", json.dumps(kid))] for kid in [*kids, "rsa\u0000", "r\u0455a", "k" * 1025, "\U0001f511"]]
    header += [[("kid", value)] for value in [None, "null", "1", "[]", '{"a":1}', '"\\u0072sa"']]
    header += [[("crit", value)] for value in ['["exp"]', "[]", '"b64"', "null", '["b64"]', '["alg"]', '["crit"]']]
    header += [[("crit", '["b64"]'), ("b64", value)] for value in ["true", "false"]] + [[("b64", "false")], [("b64", "true")]]
    header += [[("typ", value)] for value in ['"JOSE"', '"at+jwt"', '"jwt"', "1", "null", '""']]
    header += [[("cty", '"JWT"')], [("zip", '"DEF"')], [("x5c", '["AAAA"]')], [("x5t", '"AAAA"')]]
    header += [[(member, '"https://127.0.0.1:9/keys"')] for member in ("jku", "x5u")]
    header += [[("jwk", '{"kty":"oct","k":"AAAA"}')], [("x", '"' + "a" * 7000 + '"')]]
    header += [[("x", "[" * 140 + "]" * 140)], [("x", '{"a":1,"a":2}')]]
    later = now + 600
    for name in ("exp", "nbf", "iat"):
        times = [str(now + by) for by in (-86_400, -600, 600, 86_400)]
        times += [f'"{later}"', f"{later}.5", f"{later / 1e9}e9", f"[{later}]"]
        claims += [[(name, text)] for text in [None, *times, *OTHER_NUMBERS, *OTHER_VALUES]]
    issuers = [ISSUER.rstrip("/"), ISSUER.upper(), ISSUER + " ", " " + ISSUER, "https://issuer.example.evil/", ISSUER + "x"]
    claims += [[("iss", json.dumps(issuer))] for issuer in [*issuers, ""]]
    claims += [[("iss", text)] for text in [None, f'["{ISSUER}"]', f'{{"{ISSUER}":1}}', *OTHER_VALUES]]
    claims += [[("iss", '"https:\\/\\/issuer.example\\u002f"')]]
    audiences = [AUDIENCE.upper(), AUDIENCE + "/", AUDIENCE + " ", "api:", "", AUDIENCE + ",x", f"x {AUDIENCE}"]
    claims += [[("aud", json.dumps(audience))] for audience in audiences]
    lists = [f'["{AUDIENCE}"]', f'["x","{AUDIENCE}"]', f'[["{AUDIENCE}"]]', f'["{AUDIENCE}",1]', f'["{AUDIENCE}",null]']
    claims += [[("aud", text)] for text in [None, *lists, f'{{"{AUDIENCE}":1}}', *OTHER_VALUES]]
    others = ["1", "null", "[]", '"x"', '"\\ud83d\\ude00"', '{"a":1,"a":1}']
    claims += [[(name, text)] for name in ("sub", "jti", "scp", "\u0000", "__proto__", "ключ") for text in others]
    claims += [[("x", "[" * depth + "]" * depth)] for depth in (100, 140)]
    return [("header", pairs) for pairs in header] + [("claims", pairs) for pairs in claims]


def written(members, style="plain"):
    """An object of these members, in one of several spellings."""
    colon, comma = {"spaced": (" :\t", " ,\n"), "plain": (":", ",")}.get(style, (":", ","))
    text = "{" + comma.join(f"{json.dumps(name)}{colon}{value}" for name, value in members) + "}"
    wrong = {
        "bom": "\ufeff" + text,
        "trailing comma": text[:-1] + ",}",
        "trailing text": text + "x",
        "trailing zero": text + "\0",
        "twice": text + text,
        "list": f"[{text}]",
        "string": json.dumps(text),
        "comment": "/**/" + text,
        "single quotes": text.replace('"', "'"),
        "raw control": text[:-1] + ',"c":"\x01"}',
        "leading space": " \n\t" + text + "\r\n ",
        "escaped names": text.replace('"alg"', '"\\u0061lg"').replace('"exp"', '"e\\u0078p"').replace('"kid"', '"ki\\u0064"'),
        "empty": "",
    }
    text = wrong.get(style, text)
    if style == "utf-16":
        return text.encode("utf-16-le")
    if style == "not utf-8":
        return text.encode()[:-1] + b',"c":"\xff"}'
    if style == "overlong":
        return text.encode()[:-1] + b',"c":"\xc0\xaf"}'
    return text.encode()


STYLES = [
    "bom", "trailing comma", "trailing text", "trailing zero", "twice", "list", "string", "comment", "single quotes",
    "raw control", "leading space", "escaped names", "empty", "utf-16", "not utf-8", "overlong", "spaced",
]  # fmt: skip
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Forge:
    """Makes tokens; each has the name of what was done to it."""

    def __init__(self, keys, now):
        self.keys, self.now, self.random = keys, now, random.Random(SEED)
        self.members = member_mutations(now)

    def good(self, algorithm):
        header = [("alg", json.dumps(algorithm)), ("typ", '"JWT"'), ("kid", json.dumps(KEY_OF[algorithm]))]
        claims = [("iss", json.dumps(ISSUER)), ("aud", json.dumps(AUDIENCE)), ("sub", '"ada"')]
        return header, [*claims, ("nbf", str(self.now - 600)), ("exp", str(self.now + 3600))]

    def signed(self, algorithm, header, claims, private=None):
        data = f"{encode(header)}.{encode(claims)}"
        return f"{data}.{encode(self.keys.sign(algorithm, data.encode(), private))}"

    def plain(self, algorithm):
        header, claims = self.good(algorithm)
        return self.signed(algorithm, written(header), written(claims))

    def change(self, members, pairs):
        """Replaces members, or writes them beside those that are there."""
        again = self.random.random() < 0.1
        for name, value in pairs:
            at = self.random.randrange(len(members) + 1)
            if not again:
                at = next((at for at, (known, _) in enumerate(members) if known == name), at)
                members = [member for member in members if member[0] != name]
            if value is not None:
                members.insert(at, (name, value))
        return members

    def of_members(self, mutations):
        """A token whose members were changed before it was signed."""
        algorithm = self.random.choice(list(KEY_OF))
        header, claims = self.good(algorithm)
        for place, pairs in mutations:
            if place == "header":
                header = self.change(header, pairs)
            else:
                claims = self.change(claims, pairs)
        return self.signed(algorithm, written(header), written(claims))

    def of_style(self, style):
        algorithm = self.random.choice(list(KEY_OF))
        header, claims = self.good(algorithm)
        styles = self.random.choice([(style, "plain"), ("plain", style), (style, style)])
        return self.signed(algorithm, written(header, styles[0]), written(claims, styles[1]))

    def confused(self):
        """A key of one kind in the hands of an algorithm of another, and keys of strangers."""
        wanted = self.random.choice(["RS256", "ES256", "ES384", "EdDSA", "PS256"])
        header, claims = self.good(wanted)
        public = self.keys.private[KEY_OF[wanted]].public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        jwk = json.dumps(self.keys.jwk(KEY_OF[wanted])).encode()
        pem, der = public.public_bytes(PEM, form), public.public_bytes(serialization.Encoding.DER, form)
        how = self.random.randrange(4)
        if how < 2:
            secret = self.random.choice([pem, pem.strip(), der, jwk, b"", b"\0" * 64])
            algorithm = self.random.choice(["HS256", "HS384", "HS512"])
            header = self.change(header, [("alg", json.dumps(algorithm))])
            if how == 1:
                header = self.change(header, [("kid", None)])
            data = f"{encode(written(header))}.{encode(written(claims))}"
            return f"{data}.{encode(hmac.new(secret, data.encode(), getattr(hashlib, f'sha{algorithm[2:]}')).digest())}"
        if how == 2:
            stranger = self.keys.stranger
            embedded = jwt.algorithms.RSAAlgorithm.to_jwk(stranger["rsa"].public_key())
            header = self.change(header, [("jwk", embedded)] if self.random.random() < 0.5 else [])
            return self.signed(wanted, written(header), written(claims), stranger)
        other = self.random.choice(list(KEY_OF))
        return self.signed(other, written(header), written(claims))

    def spelled(self, token):
        """Another spelling of a token."""
        parts = token.split(".")
        at = self.random.randrange(len(parts))
        part = parts[at]
        place = self.random.randrange(len(part) + 1)
        how = self.random.randrange(19)
        if how == 0:
            parts[at] = part + "=" * self.random.randint(1, 3)
        elif how == 1:
            parts[at] = part.replace("-", "+").replace("_", "/")
        elif how == 2:
            stray = self.random.choice([" ", "\t", "\u00a0", "%20", "\u200b", "*", "!", "\x7f", "=", ",", ";", "é"])
            parts[at] = part[:place] + stray + part[place:]
        elif how == 3 and part and part[-1] in ALPHABET:
            # Bits that belong to no byte.
            parts[at] = part[:-1] + ALPHABET[ALPHABET.index(part[-1]) ^ self.random.randint(1, 3)]
        elif how == 4 and part:
            flipped = min(place, len(part) - 1)
            parts[at] = part[:flipped] + self.random.choice(ALPHABET) + part[flipped + 1 :]
        elif how == 5:
            parts[at] = part[:place] + part[place + 1 :]
        elif how == 6:
            parts[at] = part[:place] + self.random.choice(ALPHABET) + part[place:]
        elif how == 7:
            parts[at] = ""
        elif how == 8:
            parts.insert(at, self.random.choice(["", part, "e30"]))
        elif how == 9:
            parts.pop(at)
        elif how == 10:
            self.random.shuffle(parts)
        elif how == 11:
            parts[at] = part.swapcase()
        elif how == 12:
            return token[: self.random.randrange(len(token))]
        elif how == 13:
            return self.random.choice(["Bearer ", ".", " ", "\t", '"', "'", "Basic "]) + token
        elif how == 14:
            return token + self.random.choice([".", " ", "\t", '"', ",", ", " + token, ";", " x", "="])
        elif how == 15:
            parts[at] = urllib.parse.quote(part, safe="") if part else "%"
        elif how == 16:
            parts[-1] = encode(bytes(self.random.choice([0, 32, 64, 96, 132, 256])))
        elif how == 17:
            parts[-1] = encode(self.other_signature(canonical(parts[-1]) or b""))
        else:
            members = dict(zip(("protected", "payload", "signature"), parts))
            return json.dumps(members) if self.random.random() < 0.5 else json.dumps({"signatures": [members]})
        return ".".join(parts)

    def other_signature(self, signature):
        """The same signature in another form."""
        half = len(signature) // 2
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        return self.random.choice(
            [
                utils.encode_dss_signature(r, s),
                b"\0" + signature,
                signature + b"\0",
                signature.lstrip(b"\0")[1:],
                signature[half:] + signature[:half],
                b"\0" + signature[:half] + b"\0" + signature[half:],
                signature[::-1],
            ]
        )

    def tokens(self, tried):
        """Names and tokens: each mutation of members and each style alone, then as many at random as are wanted."""
        for algorithm in KEY_OF:
            yield "untouched", self.plain(algorithm)
        for mutation in self.members:
            yield f"{mutation[0]} {mutation[1][0][0]}", self.of_members([mutation])
        for style in STYLES * 4:
            yield f"style {style}", self.of_style(style)
        made = len(KEY_OF) + len(self.members) + 4 * len(STYLES)
        for _ in range(max(0, tried - made)):
            how = self.random.randrange(10)
            if how < 4:
                base = self.of_members(self.random.sample(self.members, self.random.randint(0, 1)))
                yield "spelling", self.spelled(base)
            elif how < 7:
                yield "members", self.of_members(self.random.sample(self.members, self.random.randint(2, 3)))
            elif how < 9:
                yield "confusion", self.confused()
            else:
                yield "spelling", self.spelled(self.spelled(self.plain(self.random.choice(list(KEY_OF)))))

    def to_seal(self):
        """What `jose` is to encrypt: good tokens, tokens that are not, and texts that are none, in every combination."""
        bad = self.signed("RS256", *(written(members) for members in self.good("RS256")), self.keys.stranger)
        contents = [self.plain("RS256"), self.plain("HS256"), self.plain("ES256"), bad, "", "e30.e30.", "e30.e30.e30.e30.e30", "{}"]
        made = []
        for kid, managements in SEALS.items():
            for algorithm, encryption in managements:
                for each in [encryption] if encryption else ENCRYPTIONS:
                    made += [{"alg": algorithm, "enc": each, "kid": kid, "content": content} for content in contents]
        return made

    def broken_seal(self, token):
        """An encrypted token with a header, a key, a content or a tag that is not its own."""
        parts = token.split(".")
        header = json.loads(canonical(parts[0]))
        how = self.random.randrange(9)
        if how == 0:
            member = self.random.choice(["alg", "enc", "zip", "crit", "p2c", "epk", "kid", "b64", "cty"])
            values = ["dir", "A128KW", "RSA1_5", "PBES2-HS256+A128KW", "A256GCM", "DEF", "none", ["exp"], 1, None, {}]
            header[member] = self.random.choice(values)
            parts[0] = encode(json.dumps(header))
        elif how == 1:
            parts[0] = encode(json.dumps(header, indent=1))
        elif how == 2:
            parts[4] = encode((canonical(parts[4]) or b"")[: self.random.choice([0, 4, 8, 12, 15])])
        elif how == 3:
            parts[2] = encode(os.urandom(self.random.choice([0, 8, 12, 16])))
        elif how == 4:
            parts[1] = encode(self.random.choice([b"", b"\0" * 8, b"\0" * 24, b"\0" * 256, b"\0" * 257]))
        elif how == 5:
            parts[3] = parts[3][:-4] if self.random.random() < 0.5 else ""
        else:
            return self.spelled(token)
        return ".".join(parts)


# The verdicts.


def of_gateway(tokens, address):
    """Status and body for each token; nothing for one that cannot be the value of a header."""
    connection = http.client.HTTPConnection(address, timeout=20)
    verdicts = []
    for token in tokens:
        if any(character in token for character in "\r\n\0"):
            verdicts.append(None)
            continue
        connection.request("GET", "/", headers={"Authorization": b"Bearer " + token.encode()})
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
        verdicts.append((answer.status, body))
    connection.close()
    return verdicts


def of_pyjwt(token, keys):
    """Nothing when PyJWT accepts a token, else why not."""
    try:
        header = jwt.get_unverified_header(token)
    except Exception as error:  # Whatever it stumbles over, it does not accept.
        return f"{type(error).__name__}: {error}"
    why = "no key"
    for name, algorithms in ALGORITHMS.items():
        if isinstance(header.get("kid"), str) and header["kid"] != name:
            continue
        try:
            key = keys.mac if name == "mac" else keys.private[name].public_key()
            jwt.decode(token, key, algorithms=algorithms, audience=AUDIENCE, issuer=ISSUER, options={"require": ["exp"]})
            return None
        except Exception as error:
            if why == "no key" or "signature" not in str(error).lower():
                why = f"{type(error).__name__}: {error}"
    return why


def of_jose(keys, to_seal, to_judge):
    question = {**keys.for_jose(), "issuer": ISSUER, "audience": AUDIENCE, "toSeal": to_seal, "toJudge": to_judge}
    command = ["node", os.environ["VERDICTS"]]
    done = subprocess.run(command, input=json.dumps(question).encode(), stdout=subprocess.PIPE, timeout=90, check=True)
    return json.loads(done.stdout)


# What the gateway and `jose` accept: why PyJWT does not, and what it says then.
ACCEPTED_ALONE = {
    "PyJWT refuses an `iat` later than now; RFC 7519 gives it no such meaning": "not yet valid (iat)",
    "PyJWT wants `sub` to be text; nothing here reads it": "Subject must be a string",
    "PyJWT wants `jti` to be text; nothing here reads it": "JWT ID must be a string",
}


def repeated(text):
    """Whether a member is repeated, at any depth."""
    found = []

    def pairs(members):
        found.extend(name for name, count in Counter(name for name, _ in members).items() if count > 1)
        return dict(members)

    json.loads(text, object_pairs_hook=pairs)
    return bool(found)


def refused_alone(token, inner):
    """Why the gateway refuses what both others accept; nothing when there is no known reason."""
    parts = token.split(".")
    data = [canonical(part) for part in parts]
    if any(part is None for part in data):
        return "a part is not Base64url as RFC 7515 has it: padding, white space, stray bits"
    try:
        texts = [part.decode() for part in data[: 1 if inner else 2]]
    except UnicodeError:
        return "not UTF-8"
    header = json.loads(texts[0].removeprefix("\ufeff"))
    if inner is not None and header["alg"] in NOT_OFFERED:
        return "a way to encrypt the key that the gateway does not offer"
    if any(text.startswith("\ufeff") for text in texts):
        return "a byte order mark before JSON"
    if any(repeated(text) for text in texts):
        return "a member is repeated"
    if "crit" in header or "b64" in header:
        return "`crit` or `b64`: no extension is understood"
    if len(parts[0]) > 8 * 1024:
        return "a header of more than 8 KiB"
    if any("[" * 128 in text for text in texts):
        return "nesting of more than 127 levels"
    if any("\\ud800" in text for text in texts):
        return "half of a surrogate pair"
    if any(word in text for text in texts for word in ("NaN", "Infinity", "1e400")):
        return "a number that JSON does not have"
    return refused_alone(inner, None) if inner is not None else None


def compare(named, keys, address, jose):
    """Prints what differs and gives the number of differences that have no reason."""
    verdicts = of_gateway([token for _, token in named], address)
    counts, alone, wrong = Counter(), Counter(), 0
    for (name, token), verdict, third in zip(named, verdicts, jose):
        if verdict is None:
            counts["not a header's value"] += 1
            continue
        status, body = verdict
        # A control character is no part of a header.
        is_malformed = status == 400 and "\x7f" in token
        if status not in (200, 401) and not is_malformed or status != 200 and name == "untouched":
            wrong += 1
            print(f"FAIL  {name}: {status} {body[:200]}: {token[:300]}")
            continue
        # White space around a header's value does not belong to it.
        stripped = token.strip(" \t")
        inner = third["inner"]
        pyjwt = of_pyjwt(inner if inner is not None else stripped, keys)
        counts["accepted" if status == 200 else "refused"] += 1
        if status == 200 and (pyjwt or not third["ok"]):
            said = [reason for reason, part in ACCEPTED_ALONE.items() if third["ok"] and part in pyjwt]
            reason = said[0] if said else None
            alone[f"accepted here alone: {reason}"] += 1
            if reason is None:
                wrong += 1
                print(f"FAIL  got through: {name}: {pyjwt}; {third.get('why')}: {token[:600]}")
        elif status == 401 and pyjwt is None and third["ok"]:
            reason = refused_alone(stripped, inner)
            alone[f"refused here alone: {reason}"] += 1
            if reason is None:
                wrong += 1
                print(f"FAIL  refused without a reason: {name}: {body[:200]}: {token[:600]}")
    for reason, count in sorted(alone.items()):
        print(f"      {count} {reason}")
    return counts, wrong


def judge(folder):
    keys, began = Keys(folder), time.monotonic()
    forge = Forge(keys, int(time.time()))
    tried = int(os.environ.get("TRIED", TRIED))
    named = list(forge.tokens(tried))
    wanted = forge.to_seal()
    sealed = of_jose(keys, wanted, [])["sealed"]
    named += [(f"sealed {one['alg']} {one['enc']}", token) for one, token in zip(wanted, sealed)]
    named += [("broken seal", forge.broken_seal(forge.random.choice(sealed))) for _ in range(tried // 4)]
    jose = of_jose(keys, [], [token.strip(" \t") for _, token in named])["judged"]
    counts, wrong = compare(named, keys, os.environ["GATEWAY"], jose)
    shown = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    good = "none got through" if not wrong else f"{wrong} differ without a reason"
    spent = time.monotonic() - began
    result = "FAIL" if wrong else "ok  "
    print(f"{result}  tampered tokens: {len(named)} tried ({shown}), {good}; {spent:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    sys.exit(make_keys(folder) if command == "keys" else judge(folder))
