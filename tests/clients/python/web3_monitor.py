"""The carbon document's own monitor in Python (C-098, section 10.2): a chain with proof-of-authority headers, and a
filter of Transfer events that is polled every two seconds. It runs on web3.py 6, for which it was written, and on
web3.py 7, where two of its names have changed (X-20).

    python web3_monitor.py --url ws://… --contract 0x… --abi FILE --until COUNT

Prints {"listening": true}, then one JSON line per Transfer, and ends after COUNT of them.
"""

import argparse
import json
import time

from web3 import Web3

POLL_S = 2


def connect(url):
    """A provider that accepts the longer extraData of proof-of-authority chains."""
    try:
        from web3.middleware import geth_poa_middleware

        w3 = Web3(Web3.WebsocketProvider(url))
        w3.middleware_onion.inject(geth_poa_middleware, layer=0)
    except ImportError:
        from web3.middleware import ExtraDataToPOAMiddleware

        w3 = Web3(Web3.LegacyWebSocketProvider(url))
        w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return w3


def transfers_since_now(contract):
    """The filter; web3.py 7 calls its argument from_block."""
    try:
        return contract.events.Transfer.create_filter(fromBlock="latest")
    except TypeError:
        return contract.events.Transfer.create_filter(from_block="latest")


def main():
    """Follows the contract until it has seen enough."""
    parser = argparse.ArgumentParser()
    for name in ("url", "contract", "abi"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--until", type=int, required=True)
    arguments = parser.parse_args()

    w3 = connect(arguments.url)
    with open(arguments.abi, encoding="utf-8") as file:
        contract = w3.eth.contract(address=arguments.contract, abi=json.load(file)["abi"])
    transfer_filter = transfers_since_now(contract)
    print(json.dumps({"listening": True}), flush=True)

    seen = 0
    while seen < arguments.until:
        for event in transfer_filter.get_new_entries():
            transfer = {
                "from": event["args"]["from"],
                "to": event["args"]["to"],
                "amount": str(event["args"]["value"]),
                "transaction": event["transactionHash"].to_0x_hex()
                if hasattr(event["transactionHash"], "to_0x_hex")
                else event["transactionHash"].hex(),
            }
            print(json.dumps({"Transfer": transfer}), flush=True)
            seen += 1
        if seen < arguments.until:
            time.sleep(POLL_S)


main()
