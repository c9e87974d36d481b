"""Class names that come with the published weights, in the order of their columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dfine.trace.categories import COCO


def _names(text: str) -> tuple[str, ...]:
    """Names of a comma-separated table."""
    return tuple(" ".join(name.split()) for name in text.split(",") if name.strip())


# Objects365 v2, classes 1 to 365, less the slips of spelling in its own list ("Dinning Table", "Moniter/TV" …).
OBJECTS365 = _names("""
    Person, Sneakers, Chair, Other Shoes, Hat, Car, Lamp, Glasses, Bottle, Desk, Cup, Street Lights, Cabinet/shelf,
    Handbag/Satchel, Bracelet, Plate, Picture/Frame, Helmet, Book, Gloves, Storage box, Boat, Leather Shoes, Flower,
    Bench, Potted Plant, Bowl/Basin, Flag, Pillow, Boots, Vase, Microphone, Necklace, Ring, SUV, Wine Glass, Belt,
    Monitor/TV, Backpack, Umbrella, Traffic Light, Speaker, Watch, Tie, Trash bin Can, Slippers, Bicycle, Stool,
    Barrel/bucket, Van, Couch, Sandals, Basket, Drum, Pen/Pencil, Bus, Wild Bird, High Heels, Motorcycle, Guitar,
    Carpet, Cell Phone, Bread, Camera, Canned, Truck, Traffic cone, Cymbal, Lifesaver, Towel, Stuffed Toy, Candle,
    Sailboat, Laptop, Awning, Bed, Faucet, Tent, Horse, Mirror, Power outlet, Sink, Apple, Air Conditioner, Knife,
    Hockey Stick, Paddle, Pickup Truck, Fork, Traffic Sign, Balloon, Tripod, Dog, Spoon, Clock, Pot, Cow, Cake,
    Dining Table, Sheep, Hanger, Blackboard/Whiteboard, Napkin, Other Fish, Orange/Tangerine, Toiletry, Keyboard,
    Tomato, Lantern, Machinery Vehicle, Fan, Green Vegetables, Banana, Baseball Glove, Airplane, Mouse, Train,
    Pumpkin, Soccer, Skiboard, Luggage, Nightstand, Tea pot, Telephone, Trolley, Head Phone, Sports Car, Stop Sign,
    Dessert, Scooter, Stroller, Crane, Remote, Refrigerator, Oven, Lemon, Duck, Baseball Bat, Surveillance Camera,
    Cat, Jug, Broccoli, Piano, Pizza, Elephant, Skateboard, Surfboard, Gun, Skating and Skiing shoes, Gas stove,
    Donut, Bow Tie, Carrot, Toilet, Kite, Strawberry, Other Balls, Shovel, Pepper, Computer Box, Toilet Paper,
    Cleaning Products, Chopsticks, Microwave, Pigeon, Baseball, Cutting/chopping Board, Coffee Table, Side Table,
    Scissors, Marker, Pie, Ladder, Snowboard, Cookies, Radiator, Fire Hydrant, Basketball, Zebra, Grape, Giraffe,
    Potato, Sausage, Tricycle, Violin, Egg, Fire Extinguisher, Candy, Fire Truck, Billiards, Converter, Bathtub,
    Wheelchair, Golf Club, Briefcase, Cucumber, Cigar/Cigarette, Paint Brush, Pear, Heavy Truck, Hamburger, Extractor,
    Extension Cord, Tong, Tennis Racket, Folder, American Football, earphone, Mask, Kettle, Tennis, Ship, Swing,
    Coffee Machine, Slide, Carriage, Onion, Green beans, Projector, Frisbee, Washing Machine/Drying Machine, Chicken,
    Printer, Watermelon, Saxophone, Tissue, Toothbrush, Ice cream, Hot-air balloon, Cello, French Fries, Scale,
    Trophy, Cabbage, Hot dog, Blender, Peach, Rice, Wallet/Purse, Volleyball, Deer, Goose, Tape, Tablet, Cosmetics,
    Trumpet, Pineapple, Golf Ball, Ambulance, Parking meter, Mango, Key, Hurdle, Fishing Rod, Medal, Flute, Brush,
    Penguin, Megaphone, Corn, Lettuce, Garlic, Swan, Helicopter, Green Onion, Sandwich, Nuts, Speed Limit Sign,
    Induction Cooker, Broom, Trombone, Plum, Rickshaw, Goldfish, Kiwi fruit, Router/modem, Poker Card, Toaster,
    Shrimp, Sushi, Cheese, Notepaper, Cherry, Pliers, CD, Pasta, Hammer, Cue, Avocado, Hami melon, Flask, Mushroom,
    Screwdriver, Soap, Recorder, Bear, Eggplant, Board Eraser, Coconut, Tape Measure/Ruler, Pig, Showerhead, Globe,
    Chips, Steak, Crosswalk Sign, Stapler, Camel, Formula 1, Pomegranate, Dishwasher, Crab, Hoverboard, Meatball,
    Rice Cooker, Tuba, Calculator, Papaya, Antelope, Parrot, Seal, Butterfly, Dumbbell, Donkey, Lion, Urinal, Dolphin,
    Electric Drill, Hair Dryer, Egg tart, Jellyfish, Treadmill, Lighter, Grapefruit, Game board, Mop, Radish, Baozi,
    Target, French, Spring Rolls, Monkey, Rabbit, Pencil Case, Yak, Red Cabbage, Binoculars, Asparagus, Barbell,
    Scallop, Noodles, Comb, Dumpling, Oyster, Table Tennis paddle, Cosmetics Brush/Eyeliner Pencil, Chainsaw, Eraser,
    Lobster, Durian, Okra, Lipstick, Cosmetics Mirror, Curling, Table Tennis,
""")

# Different names of one class, in COCO, Objects365 and Pascal VOC; spelling and case aside.
ALIASES = (
    ("bird", "Wild Bird"),
    ("handbag", "Handbag/Satchel"),
    ("suitcase", "Luggage"),
    ("skis", "Skiboard"),
    ("sports ball", "Other Balls", "Soccer"),
    ("bowl", "Bowl/Basin"),
    ("orange", "Orange/Tangerine"),
    ("tv", "Monitor/TV", "tvmonitor"),
    ("teddy bear", "Stuffed Toy"),
    ("hair drier", "Hair Dryer"),
    ("airplane", "aeroplane"),
    ("motorcycle", "motorbike"),
    ("couch", "sofa"),
    ("potted plant", "pottedplant"),
    ("dining table", "diningtable"),
)

UNUSED = ""  # the name of a column that no class belongs to: it is never reported

KNOWN = {
    "coco": COCO,
    "objects365": (UNUSED, *OBJECTS365),  # published checkpoints count from 1, so column 0 answers for nothing
}


def of_columns(count: int) -> tuple[str, ...] | None:
    """The published label map with `count` columns, None where there is none."""
    return next((names for names in KNOWN.values() if len(names) == count), None)


def unused(names: tuple[str, ...]) -> tuple[int, ...]:
    """Columns that are never reported."""
    return tuple(i for i, name in enumerate(names) if name == UNUSED)


def same(names: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Which of the `known` names means the same class, for each of `names` that has one; none is given out twice.

    Equal names come first, then those with equal letters (case, spaces, hyphens and underscores do not count), then
    aliases (`ALIASES`, in its order). Nothing is ever matched by position.
    """
    others = {_plain(name): group for group in ALIASES for name in group}
    ways = (
        (str, lambda name: (name,)),
        (_plain, lambda name: (_plain(name),)),
        (_plain, lambda name: tuple(map(_plain, others.get(_plain(name), ())))),
    )
    found: dict[str, str] = {}
    for key, meant in ways:
        taken = {UNUSED, *found.values()}
        free = {key(name): name for name in reversed(known) if name not in taken}
        for name in names:
            match = next((free[m] for m in meant(name) if m in free), None) if name not in found else None
            if match is not None and name != UNUSED:
                found[name] = free.pop(key(match))
    return {name: found[name] for name in names if name in found}


def _plain(name: str) -> str:
    """A name less its case and what parts its words."""
    return re.sub(r"[\s_-]+", "", name).casefold()
