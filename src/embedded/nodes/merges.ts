import type { LoraUse } from '../rehearsal/scene.js';
import type { Inputs } from './inputs.js';
import type { NodeFamily, Run } from './library.js';

/** Merges of models and text encoders: the result is named after both. */
const interfaces = `
= model_merging v1 advanced/model_merging
ModelMergeSimple  model1,model2:MODEL ratio:UNIT -> MODEL
ModelMergeAdd  model1,model2:MODEL -> MODEL
ModelMergeSubtract  model1,model2:MODEL multiplier:FLOAT=1[-10..10/0.01] -> MODEL
ModelMergeBlocks  model1,model2:MODEL input,middle,out:UNIT -> MODEL
CLIPMergeSimple  clip1,clip2:CLIP ratio:UNIT -> CLIP
CLIPMergeAdd  clip1,clip2:CLIP -> CLIP
CLIPMergeSubtract  clip1,clip2:CLIP multiplier:FLOAT=1[-10..10/0.01] -> CLIP
= model_merging_model_specific v1 advanced/model_merging/model_specific
ModelMergeSD1
  model1,model2:MODEL time_embed.,label_emb.:UNIT input_blocks.{0..11}.:UNIT middle_block.{0..2}.:UNIT
  output_blocks.{0..11}.:UNIT out.:UNIT -> MODEL
ModelMergeSD2
  model1,model2:MODEL time_embed.,label_emb.:UNIT input_blocks.{0..11}.:UNIT middle_block.{0..2}.:UNIT
  output_blocks.{0..11}.:UNIT out.:UNIT -> MODEL
ModelMergeSDXL
  model1,model2:MODEL time_embed.,label_emb.:UNIT input_blocks.{0..8}:UNIT middle_block.{0..2}:UNIT
  output_blocks.{0..8}:UNIT out.:UNIT -> MODEL
ModelMergeSD3_2B
  model1,model2:MODEL pos_embed.,x_embedder.,context_embedder.,y_embedder.,t_embedder.:UNIT
  joint_blocks.{0..23}.:UNIT final_layer.:UNIT -> MODEL
ModelMergeSD35_Large
  model1,model2:MODEL pos_embed.,x_embedder.,context_embedder.,y_embedder.,t_embedder.:UNIT
  joint_blocks.{0..37}.:UNIT final_layer.:UNIT -> MODEL
ModelMergeFlux1
  model1,model2:MODEL img_in.,time_in.,guidance_in,vector_in.,txt_in.:UNIT double_blocks.{0..18}.:UNIT
  single_blocks.{0..37}.:UNIT final_layer.:UNIT -> MODEL
ModelMergeAuraflow
  model1,model2:MODEL init_x_linear.,positional_encoding,cond_seq_linear.,register_tokens,t_embedder.:UNIT
  double_layers.{0..3}.:UNIT single_layers.{0..31}.:UNIT modF.,final_linear.:UNIT -> MODEL
ModelMergeMochiPreview
  model1,model2:MODEL pos_frequencies.,t_embedder.,t5_y_embedder.,t5_yproj.:UNIT blocks.{0..47}.:UNIT
  final_layer.:UNIT -> MODEL
ModelMergeLTXV
  model1,model2:MODEL patchify_proj.,adaln_single.,caption_projection.:UNIT transformer_blocks.{0..27}.:UNIT
  scale_shift_table,proj_out.:UNIT -> MODEL
ModelMergeCosmos7B
  model1,model2:MODEL pos_embedder.,extra_pos_embedder.,x_embedder.,t_embedder.,affline_norm.:UNIT
  blocks.block{0..27}.:UNIT final_layer.:UNIT -> MODEL
ModelMergeCosmos14B
  model1,model2:MODEL pos_embedder.,extra_pos_embedder.,x_embedder.,t_embedder.,affline_norm.:UNIT
  blocks.block{0..35}.:UNIT final_layer.:UNIT -> MODEL
ModelMergeCosmosPredict2_2B
  model1,model2:MODEL pos_embedder.,x_embedder.,t_embedder.,t_embedding_norm.:UNIT blocks.{0..27}.:UNIT
  final_layer.:UNIT -> MODEL
ModelMergeCosmosPredict2_14B
  model1,model2:MODEL pos_embedder.,x_embedder.,t_embedder.,t_embedding_norm.:UNIT blocks.{0..35}.:UNIT
  final_layer.:UNIT -> MODEL
ModelMergeWAN2_1
  model1,model2:MODEL patch_embedding.,time_embedding.,time_projection.,text_embedding.,img_emb.:UNIT
  blocks.{0..39}.:UNIT head.:UNIT -> MODEL
ModelMergeQwenImage
  model1,model2:MODEL pos_embeds.,img_in.,txt_norm.,txt_in.,time_text_embed.:UNIT transformer_blocks.{0..59}.:UNIT
  proj_out.:UNIT -> MODEL
`;

/** The mean of all ratios of a merge, 1 meaning the first model alone. */
function meanRatio(inputs: Inputs): number {
  const ratios = inputs.names().flatMap((name) => {
    const value = inputs.any(name);
    return typeof value === 'number' ? [value] : [];
  });
  return ratios.length === 0 ? 0.5 : ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}

const mergesModels =
  (sign: '+' | '-'): Run =>
  (inputs) => {
    const [first, second] = [inputs.get('model1', 'MODEL'), inputs.get('model2', 'MODEL')];
    const ratio = meanRatio(inputs);
    return [
      {
        ...first,
        name: `${shortName(first.name)} ${sign} ${shortName(second.name)}`,
        loras: joined(first.loras, second.loras),
        patches: [...first.patches, ...second.patches, `merge ${sign} ${ratio.toFixed(4)}`],
        guides: [...first.guides, ...second.guides],
      },
    ];
  };

const mergesClips =
  (sign: '+' | '-'): Run =>
  (inputs) => {
    const [first, second] = [inputs.get('clip1', 'CLIP'), inputs.get('clip2', 'CLIP')];
    return [
      {
        ...first,
        names: [...first.names, ...second.names],
        loras: joined(first.loras, second.loras),
        notes: [...first.notes, ...second.notes, `merge ${sign} ${meanRatio(inputs).toFixed(4)}`],
      },
    ];
  };

function shortName(name: string): string {
  return name.replace(/\.(safetensors|ckpt|pth?|gguf|sft|bin)$/i, '');
}

function joined(first: readonly LoraUse[], second: readonly LoraUse[]): LoraUse[] {
  const known = new Set(first.map((lora) => lora.name));
  return [...first, ...second.filter((lora) => !known.has(lora.name))];
}

export const mergeFamily: NodeFamily = {
  interfaces,
  otherwise: mergesModels('+'),
  behaviours: {
    ModelMergeSubtract: mergesModels('-'),
    CLIPMergeSimple: mergesClips('+'),
    CLIPMergeAdd: mergesClips('+'),
    CLIPMergeSubtract: mergesClips('-'),
  },
};
