import { Canvas } from './canvas.js';
import { blend, oklch } from './colour.js';
import { finish } from './finish.js';
import { mix } from './math.js';
import { Noise } from './noise.js';
import { paintFolds } from './painters/abstract.js';
import { paintBird, paintBirds, paintSittingAnimal } from './painters/animals.js';
import { paintCastle, paintHouse, paintTree } from './painters/buildings.js';
import { paintCity } from './painters/city.js';
import { paintFlowers } from './painters/flowers.js';
import { paintForest, paintGrass } from './painters/growth.js';
import { paintGround, paintMountains } from './painters/land.js';
import { paintLighthouse } from './painters/lighthouse.js';
import type { Painting } from './painters/painting.js';
import { paintPerson } from './painters/person.js';
import { paintSky } from './painters/sky.js';
import { paintNebula } from './painters/space.js';
import { paintBoat, paintBottle, paintPlanet } from './painters/things.js';
import { paintWater } from './painters/water.js';
import { type Plan, planScene } from './plan.js';
import type { Scene } from './scene.js';

/**
 * Draws a scene as raw RGB bytes, `width * height * 3`. Deterministic; lets other work of the process run every few
 * milliseconds.
 */
export async function renderScene(scene: Scene, width: number, height: number): Promise<Buffer> {
  const plan = planScene(scene);
  const canvas = new Canvas(width, height);
  const painting = setUp(canvas, plan);
  const ground = await paintSetting(painting);
  await paintSubject(painting, ground);
  if (plan.setting === 'meadow') await paintGrass(painting, painting.horizon + 0.16, 0.13);
  await finish(canvas, plan);
  return canvas.toBytes(plan.manner.integer(0, 1 << 20));
}

function setUp(canvas: Canvas, plan: Plan): Painting {
  const { random } = plan;
  const horizon = canvas.bottom * random.between(0.52, 0.66);
  const high = plan.time === 'day' || plan.time === 'night';
  const lamp = {
    x: canvas.right * random.between(0.2, 0.8),
    y: horizon * (high ? random.between(0.22, 0.42) : random.between(0.62, 0.86)),
    radius: plan.time === 'night' ? random.between(0.035, 0.06) : random.between(0.04, 0.075),
  };
  return { canvas, plan, noise: new Noise(random), horizon, lamp };
}

/** Paints the place, and returns the height on which a subject would stand. */
async function paintSetting(painting: Painting): Promise<number> {
  const { plan, canvas, horizon } = painting;
  const { random, palette } = plan;
  const { bottom } = canvas;
  const alsoSea = plan.impression.settings.includes('sea');
  switch (plan.setting) {
    case 'mountains': {
      await paintSky(painting, { clouds: random.between(0.3, 0.8) });
      if (alsoSea) {
        await paintMountains(painting, { ranges: 4, height: 0.4, bottom: bottom * 0.7 });
        await paintWater(painting, bottom * 0.7);
        return bottom * 0.7;
      }
      await paintMountains(painting, { ranges: 5, height: 0.42 });
      if (plan.backdrop === 'city') await paintCity(painting, { rows: 3, ground: bottom * 0.92, height: 0.34 });
      else await paintForest(painting, { rows: 3, from: bottom * 0.9, to: bottom * 1.06, size: 0.2 });
      return bottom * 0.95;
    }
    case 'sea':
      await paintSky(painting, { clouds: random.between(0.45, 0.95) });
      await paintMountains(painting, { ranges: 2, height: 0.16, bottom: horizon });
      await paintWater(painting, horizon);
      return horizon;
    case 'forest':
      await paintSky(painting, { clouds: 0.3 });
      await paintMountains(painting, { ranges: 2, height: 0.3 });
      await paintForest(painting, { rows: 5, from: horizon, to: bottom * 1.03, size: 0.52 });
      return bottom * 0.97;
    case 'city':
      await paintSky(painting, { clouds: random.between(0.3, 0.7) });
      if (plan.backdrop === 'mountains') await paintMountains(painting, { ranges: 2, height: 0.4 });
      await paintCity(painting, { rows: 4, ground: bottom * 0.78, height: 0.6 });
      await paintWater(painting, bottom * 0.85);
      return bottom * 0.97;
    case 'desert': {
      await paintSky(painting, { clouds: 0.15 });
      await paintMountains(painting, { ranges: 2, height: 0.12 });
      const sand = blend(palette.horizon, oklch(0.66, 0.11, 62), 0.65);
      for (let i = 0; i < 4; i++) {
        const level = mix(horizon + 0.04, bottom * 0.92, i / 3);
        const colour = blend(sand, palette.near, 0.12 + i * 0.1);
        await paintGround(painting, { level, roll: 0.16, colour, strokes: 0.22 });
      }
      return bottom * 0.93;
    }
    case 'meadow':
      await paintSky(painting, { clouds: random.between(0.4, 0.8) });
      await paintMountains(painting, { ranges: 3, height: 0.24 });
      await paintGround(painting, { level: horizon + 0.1, roll: 0.1, colour: palette.near, strokes: 0.5 });
      return horizon + 0.16;
    case 'space':
      await paintNebula(painting);
      return bottom * 0.95;
    case 'studio':
      await paintFolds(painting, { quiet: 1 });
      return bottom * 0.95;
    case 'abstract':
      await paintFolds(painting, { quiet: 0 });
      return bottom * 0.95;
  }
}

async function paintSubject(painting: Painting, ground: number): Promise<void> {
  const { plan, horizon, canvas } = painting;
  const near = Math.min(canvas.bottom * 0.95, ground + 0.1);
  switch (plan.subject) {
    case 'person':
      return paintPerson(painting);
    case 'cat':
    case 'fox':
      return paintSittingAnimal(painting, plan.subject, near);
    case 'bird':
      await paintBird(painting);
      return paintBirds(painting, 7);
    case 'flower':
      return paintFlowers(painting);
    case 'bottle':
      return paintBottle(painting);
    case 'boat':
      return plan.setting === 'sea' || plan.setting === 'mountains'
        ? paintBoat(painting, Math.max(horizon, ground))
        : undefined;
    case 'house':
      return paintHouse(painting, near - 0.04);
    case 'castle':
      return paintCastle(painting, Math.min(near, canvas.bottom * 0.9));
    case 'lighthouse':
      return paintLighthouse(painting, alsoBirds(plan));
    case 'tree':
      return paintTree(painting, near);
    case 'planet':
      return plan.setting === 'space' ? paintPlanet(painting) : undefined;
    case null:
      if (
        plan.setting !== 'space' &&
        plan.setting !== 'studio' &&
        plan.setting !== 'abstract' &&
        plan.random.chance(0.35)
      ) {
        await paintBirds(painting, plan.random.integer(3, 8));
      }
  }
}

/** Whether the prompt speaks of birds besides its subject. */
function alsoBirds(plan: Plan): boolean {
  return plan.impression.subjects.includes('bird');
}
